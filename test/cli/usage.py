"""Options, messages and exit statuses, without serving anything."""
import os
import re
import shutil
import socket
import subprocess
import tempfile

from program import WEIR, Demo, weir

LIMITS = """request-line-size-max head-size-max field-count-max body-size-max chunk-extension-size-max interim-count-max
output-size-max discard-size-max first-octet-timeout head-timeout idle-timeout body-timeout body-rate-min body-rate-grace
write-timeout handler-timeout response-timeout tunnel-timeout linger-silence linger-timeout linger-size-max exchange-count-max
age-max""".split()


def test_help_and_version():
    for args in (["--help"], ["help"]):
        status, out, err = weir(*args)
        assert status == 0 and err == "" and "weir demo --listen" in out and "explain" in out
    for args in (["--version"], ["demo", "--version"]):
        status, out, err = weir(*args)
        assert status == 0 and re.fullmatch(r"weir \d+\.\d+\.\d+ \(.*\)\ncommit .+\n.+, hardened \w+, .+\n", out), out


def test_completion():
    """Each option of each command is in what a shell is told, and the shells that are here read it."""
    for shell in ("bash", "zsh", "fish"):
        status, out, err = weir("completion", shell)
        assert status == 0 and err == "", err
        for command in ("demo", "get", "load", "fault", "explain"):
            _, told, _ = weir(command, "--help")
            for name in re.findall(r"^  (?:-\w, |  )?--([\w-]+)", told, re.M):
                assert re.search(rf"(--|-l ){name}\b", out) or name in ("help", "version"), (shell, command, name)
        if shutil.which(shell):
            subprocess.run([shell, "-n"], input=out, text=True, check=True)
    words = 'source /dev/stdin; COMP_WORDS=(weir demo --profile t); COMP_CWORD=3; _weir; echo "${COMPREPLY[@]}"'
    _, script, _ = weir("completion", "bash")
    done = subprocess.run(["bash", "-c", words], input=script, capture_output=True, text=True, check=True)
    assert done.stdout == "test\n", done
    for args in (["completion"], ["completion", "tcsh"]):
        status, out, err = weir(*args)
        assert status == 2 and out == "" and "bash, zsh, fish" in err


def test_a_name_is_written_whole():
    for args in (["demo", "--lenien"], ["get", "--timeou=1s", "http://127.0.0.1:1/"], ["load", "--help=1"],
                 ["fault", "--listen=127.0.0.1:0", "--laten", "1ms"]):
        status, out, err = weir(*args)
        assert status == 2 and out == "" and err.count("\n") == 1, (args, err)
        assert "--lenient" in err or "--timeout" in err or "takes no value" in err or "--latency" in err, (args, err)


def test_no_command_and_unknown_command():
    status, out, err = weir()
    assert status == 2 and out == "" and "weir COMMAND" in err
    status, out, err = weir("frobnicate")
    assert status == 2 and out == "" and "'frobnicate'" in err and "demo" in err


def test_help_of_demo_names_every_option():
    status, out, err = weir("demo", "--help")
    assert status == 0 and err == ""
    for name in LIMITS + "listen workers profile endings log log-format io drain connections-max backlog lenient".split():
        assert f"--{name} " in out or f"--{name}\n" in out, name
    for path in "/bytes/N /delay/MS /stream/N /events /echo /digest /status/CODE /hints /headers /refuse /.weir/".split():
        assert f"  {path}" in out, path
    assert max(map(len, out.splitlines())) < 130


def wrong(args, *needles):
    status, out, err = weir("demo", *args)
    assert status == 2, (args, status, err)
    assert out == "" and err.count("\n") == 1 and err.startswith("weir demo: "), (args, out, err)
    for needle in needles:
        assert needle in err, (args, needle, err)


def test_wrong_values_are_named():
    wrong(["--workers", "0"], "--workers", "'0'", "from 1 to 1024")
    wrong(["--workers", "1025"], "'1025'", "from 1 to 1024")
    wrong(["--workers", "two"], "'two'")
    wrong(["--workers", "-1"], "'-1'")
    wrong(["--workers", "18446744073709551617"], "from 1 to 1024")
    wrong(["--profile", "prod"], "--profile", "'prod'", "production test development")
    wrong(["--log-format", "xml"], "'xml'", "logfmt json")
    wrong(["--drain", "5x"], "--drain", "'5x'", "10ms", "never", "seconds")
    wrong(["--drain", "5."], "'5.'")
    wrong(["--drain", "0"], "'0'", "above zero")
    wrong(["--drain", "0s"], "'0s'", "above zero")
    wrong(["--drain", "5 s"], "'5 s'")
    wrong(["--drain", "99999999999h"], "--drain")
    wrong(["--body-size-max", "1T"], "--body-size-max", "'1T'", "64k", "unlimited")
    wrong(["--backlog", ""], "--backlog", "''")
    wrong(["--io", "kqueue"], "'kqueue'", "epoll uring")
    wrong(["--io", "uring"], "--io", "'uring'", "epoll")
    wrong(["--endings", ""], "--endings")


def test_limits_out_of_range():
    wrong(["--field-count-max", "5000"], "--field-count-max", "field_count_max is 5000: expected 1 to 1000")
    wrong(["--head-size-max", "unlimited"], "--head-size-max", "unlimited")
    wrong(["--head-timeout", "0ms"], "--head-timeout", "'0ms'")


def test_wrong_words():
    wrong(["--frobnicate"], "--frobnicate", "--help")
    wrong(["--workers"], "--workers", "needs a value")
    wrong(["--lenient=1"], "--lenient", "no value")
    wrong(["127.0.0.1:80"], "'127.0.0.1:80'", "--help")
    wrong(["-x"], " -x;")
    wrong(["--lenient", "-vx"], " -v;")
    wrong(["--l"], "--l", "did you mean", "--listen", "--log", "--lenient", "--linger-silence")
    wrong(["--lo=x"], "there is no option --lo=x: did you mean --log, --log-format?")
    status, out, err = weir("get", "-y", "http://127.0.0.1:1/")
    assert status == 2 and "there is no option -y;" in err and "ambiguous" not in err, err
    for command, option in (("fault", "--latency"), ("fault", "--print-plan"), ("load", "--end"), ("fault", "--slice")):
        status, out, err = weir(command, option, "", *(["http://127.0.0.1:1/"] if command == "load" else []))
        assert status == 2 and f"{option} is ''" in err and "that is not empty" not in err, err


def test_bad_addresses():
    for address in ("nonsense", "127.0.0.1:99999", "127.0.0.1:", "[::1:80", "127.0.0.1:http", "unix:", "1.2.3.4.5:80"):
        status, out, err = weir("demo", "--listen", address)
        assert status in (1, 2) and out == "" and err.count("\n") == 1 and address in err, (address, status, err)
    status, _, _ = weir("demo", "--listen", "127.0.0.1:99999")
    assert status == 2


def test_port_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, out, err = weir("demo", "--listen", f"127.0.0.1:{port}")
        assert status == 1 and f"127.0.0.1:{port}" in err and "listening" not in err and err.count("\n") == 1, err
        assert "taken" in err or "in use" in err, err


def test_address_of_another_host():
    status, out, err = weir("demo", "--listen", "192.0.2.1:8080")
    assert status == 1 and "192.0.2.1:8080" in err and "listening" not in err, err


def test_unwritable_files():
    with tempfile.TemporaryDirectory() as place:
        missing = os.path.join(place, "no", "such")
        for option in ("endings", "log"):
            status, out, err = weir("demo", "--listen", "127.0.0.1:0", f"--{option}", missing)
            assert status == 1 and missing in err and "No such file" in err and f"--{option}" in err, err
            status, out, err = weir("demo", "--listen", "127.0.0.1:0", f"--{option}", place)
            assert status == 1 and "directory" in err and "listening" not in err, err


def test_print_options():
    status, out, err = weir("demo", "--listen", "127.0.0.1:0", "--print-options", "--idle-timeout", "7s",
                            "--body-size-max", "2M", "--workers", "2")
    assert status == 0, err
    values = dict(line.split(None, 1) for line in out.splitlines())
    for given in ("7", "7.0", "7.000s", "7000ms"):
        assert weir("demo", "--listen", "127.0.0.1:0", "--print-options", "--idle-timeout", given, "--body-size-max", "2M",
                    "--workers", "2") == (0, out, err), given
    for name in LIMITS:
        key = name.replace("-", "_")
        assert key in values or key + "_ns" in values, (name, out)
    assert values["workers"] == "2" and "listening" not in err
    with socket.create_server(("127.0.0.1", 0)) as taken: # nothing is bound for it
        place = "127.0.0.1:%d" % taken.getsockname()[1]
        status, out, err = weir("demo", "--listen", place, "--print-options")
        assert status == 0 and f"listen {place}\n" in out, (out, err)
    status, out, err = weir("demo", "--listen", "nowhere:port", "--print-options")
    assert out.startswith("listen nowhere:port\n") or status == 2, (status, out, err)
    assert "7" in values["idle_timeout_ns"] and values["body_size_max"].startswith("2097152"), out


def test_explain():
    status, out, err = weir("explain", "bad_chunk", "peer_reset_idle")
    assert status == 0 and "bad_chunk: malformed chunk" in out and "status    400" in out and "routine" in out
    status, out, err = weir("explain")
    assert status == 0 and len(out.splitlines()) > 60
    status, out, err = weir("explain", "bad_lunch")
    assert status == 2 and out == "" and "'bad_lunch'" in err and err.count("\n") == 1


def test_explain_words_of_others():
    status, out, err = weir("explain", "ENOTCONN", "32")
    assert status == 0 and err == "" and "ENOTCONN (errno 107): Transport" in out and "EPIPE (errno 32): Broken" in out
    for label in ("means", "who", "matters", "advice", "weir"):
        assert f"\n  {label} " in out, (label, out)
    assert "peer_reset_idle: the peer reset between two exchanges" in out
    for line, needle in (("hyper::Error(Shutdown, Os { code: 107 })", "error shutting down"), ("curl 52", "GOT_NOTHING"),
                         ("x - - CD-- 1/1/1/1/0 0/0", "C: the client left"), ("UC", "UpstreamConnectionTermination"),
                         ('"GET / HTTP/1.1" 499 0', "nginx 499"), ("error=dns_error", "resolve_failed")):
        status, out, err = weir("explain", line)
        assert status == 0 and needle in out, (line, out)
        assert (status, out, err) == weir("explain", *line.split()), line


def test_explain_says_what_others_call_it():
    status, out, err = weir("explain", "peer_fin_in_handler")
    for word in ("nginx ", "499", "HAProxy ", "CH", "Envoy ", "DC", "curl ", "exit status 52", "RFC 9209 ",
                 "connection_terminated", "hyper ", "wget "):
        assert word in out, (word, out)


def test_explain_reads_a_log():
    with tempfile.TemporaryFile("w+b") as log:
        log.write(b"nothing\ncurl: (52) Empty\n\xff\x00\ncurl: (52) Empty\r\ncode=drained")
        log.seek(0)
        status, out, err = weir("explain", "-", stdin=log)
        assert status == 0 and out.count("CURLE_GOT_NOTHING") == 1 and "drained: " in out, out
    with tempfile.TemporaryFile("w+b") as log:
        status, out, err = weir("explain", "-", stdin=log)
        assert status == 1 and out == "" and "nothing" in err, err


def test_explain_cannot_write():
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([WEIR, "explain"], stdout=full, stderr=subprocess.PIPE, check=False)
        assert done.returncode == 1 and b"standard output" in done.stderr, done.stderr


def test_unix_socket():
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "weir.sock")
        with Demo(listen="unix:" + path) as demo, socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            s.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert s.recv(4096).startswith(b"HTTP/1.1 200")
            s.close()
            assert "live page" not in demo.stderr()
            assert demo.stop()[0] == 0
