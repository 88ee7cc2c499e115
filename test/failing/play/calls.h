/* Every call that the library and the program make of the system and of the C library, and what each may fail with.
 *
 * The first table holds those that are made to fail: each errno that the manual names for what we ask of it, where the
 * kernel decides. EBADF and the like are here too wherever the code promises to go on. What follows the arguments:
 *
 *     CALL(name, returns, parameters, arguments, how it fails, errnos...)
 *
 *     MINUS_ONE  returns -1 and sets errno      CODE     returns the number itself
 *     AFTER      does it, then MINUS_ONE        NOTHING  returns NULL and sets errno
 *     SHORT      is no errno: the call does one octet of what it was asked to do; HALF: about half of it
 *
 * The second table holds the others, with why they are not made to fail. `test/failing/run` compares both with what
 * libweir.so and weir import, so that no call goes unlisted. */
#ifndef FAILING_CALLS_H
#define FAILING_CALLS_H

#define SHORT (-1)
#define HALF  (-2)

/* clang-format off */
#define CALLS_PLAIN(CALL) \
    CALL(bind, int, (int fd, const struct sockaddr *to, socklen_t size), (fd, to, size), MINUS_ONE, \
         EACCES, EADDRINUSE, EADDRNOTAVAIL, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EROFS, EBADF) \
    CALL(chmod, int, (const char *path, mode_t mode), (path, mode), MINUS_ONE, \
         EACCES, EIO, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EPERM, EROFS) \
    CALL(close, int, (int fd), (fd), AFTER, \
         EINTR, EIO, ENOSPC, EDQUOT) \
    CALL(epoll_create1, int, (int flags), (flags), MINUS_ONE, \
         EINVAL, EMFILE, ENFILE, ENOMEM) \
    CALL(epoll_pwait2, int, (int loop, struct epoll_event *events, int most, const struct timespec *timeout, \
                             const sigset_t *mask), (loop, events, most, timeout, mask), MINUS_ONE, \
         EINTR, ENOSYS, EPERM) \
    CALL(epoll_wait, int, (int loop, struct epoll_event *events, int most, int ms), (loop, events, most, ms), MINUS_ONE, \
         EINTR) \
    CALL(fgets, char *, (char *text, int size, FILE *file), (text, size, file), NOTHING, \
         EIO) \
    CALL(fopen, FILE *, (const char *path, const char *mode), (path, mode), NOTHING, \
         EACCES, EINTR, EMFILE, ENFILE, ENOENT, ENOMEM) \
    CALL(getaddrinfo, int, (const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found), \
         (host, port, hints, found), CODE, \
         EAI_ADDRFAMILY, EAI_AGAIN, EAI_BADFLAGS, EAI_FAIL, EAI_FAMILY, EAI_MEMORY, EAI_NODATA, EAI_NONAME, EAI_SERVICE, \
         EAI_SOCKTYPE, EAI_SYSTEM) \
    CALL(getrlimit, int, (__rlimit_resource_t what, struct rlimit *limit), (what, limit), MINUS_ONE, \
         EINVAL, EPERM) \
    CALL(getsockname, int, (int fd, struct sockaddr *name, socklen_t *size), (fd, name, size), MINUS_ONE, \
         EBADF, EINVAL, ENOBUFS, ENOTSOCK) \
    CALL(getsockopt, int, (int fd, int level, int name, void *value, socklen_t *size), (fd, level, name, value, size), \
         MINUS_ONE, \
         EBADF, EINVAL, ENOPROTOOPT, ENOTSOCK) \
    CALL(listen, int, (int fd, int backlog), (fd, backlog), MINUS_ONE, \
         EADDRINUSE, EBADF, ENOTSOCK, EOPNOTSUPP) \
    CALL(fstat, int, (int fd, struct stat *found), (fd, found), MINUS_ONE, \
         EBADF, ENOMEM, EOVERFLOW) \
    CALL(lstat, int, (const char *path, struct stat *found), (path, found), MINUS_ONE, \
         EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EOVERFLOW) \
    CALL(poll, int, (struct pollfd *of, nfds_t count, int ms), (of, count, ms), MINUS_ONE, \
         EINTR, EINVAL, ENOMEM) \
    CALL(pthread_create, int, (pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *), void *app), \
         (thread, how, run, app), CODE, \
         EAGAIN, EPERM) \
    CALL(setrlimit, int, (__rlimit_resource_t what, const struct rlimit *limit), (what, limit), MINUS_ONE, \
         EINVAL, EPERM) \
    CALL(setsockopt, int, (int fd, int level, int name, const void *value, socklen_t size), \
         (fd, level, name, value, size), MINUS_ONE, \
         EBADF, EINVAL, ENOPROTOOPT, ENOTSOCK, ENOMEM, ENOBUFS) \
    CALL(shutdown, int, (int fd, int how), (fd, how), MINUS_ONE, \
         ENOTCONN, EBADF, EINVAL, ENOTSOCK) \
    CALL(sigtimedwait, int, (const sigset_t *set, siginfo_t *info, const struct timespec *timeout), \
         (set, info, timeout), MINUS_ONE, \
         EAGAIN, EINTR, EINVAL) \
    CALL(socket, int, (int family, int type, int protocol), (family, type, protocol), MINUS_ONE, \
         EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTONOSUPPORT) \
    CALL(timerfd_create, int, (__clockid_t clock, int flags), (clock, flags), MINUS_ONE, \
         EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM, EPERM) \
    CALL(unlink, int, (const char *path), (path), MINUS_ONE, \
         EACCES, EBUSY, EIO, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EPERM, EROFS) \
    CALL(malloc, void *, (size_t size), (size), NOTHING, \
         ENOMEM) \
    CALL(calloc, void *, (size_t count, size_t size), (count, size), NOTHING, \
         ENOMEM) \
    CALL(realloc, void *, (void *old, size_t size), (old, size), NOTHING, \
         ENOMEM)

/* Those whose wrappers do more than fail, or take a variable argument list: they are in inject.c. CALL(name,
 * errnos...) */
#define CALLS_BY_HAND(CALL) \
    CALL(accept4, \
         EAGAIN, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, \
         EHOSTUNREACH, ENETDOWN, ENETUNREACH, EOPNOTSUPP, ETIMEDOUT, EPERM, EINVAL, EBADF, ENOTSOCK, EFAULT) \
    CALL(connect, \
         EACCES, EPERM, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, ECONNREFUSED, EINPROGRESS, EINTR, ENETUNREACH, \
         EHOSTUNREACH, ETIMEDOUT, EPROTOTYPE, ENOENT, EINVAL) \
    CALL(epoll_ctl, \
         EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENOMEM, ENOSPC, EPERM) \
    CALL(eventfd, \
         EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM) \
    CALL(fcntl, \
         EBADF, EINVAL, EMFILE, EPERM) \
    CALL(ioctl, \
         EBADF, EINVAL, ENOTTY) \
    CALL(open, \
         EACCES, EDQUOT, EFBIG, EINTR, EISDIR, ELOOP, EMFILE, ENAMETOOLONG, ENFILE, ENODEV, ENOENT, ENOMEM, ENOSPC, \
         ENOTDIR, ENXIO, EOVERFLOW, EPERM, EROFS, ETXTBSY) \
    CALL(pread, \
         SHORT, HALF, EAGAIN, EBADF, EINTR, EINVAL, EIO, EISDIR, ENXIO, EOVERFLOW, ESPIPE) \
    CALL(recv, \
         SHORT, HALF, EAGAIN, EINTR, ECONNRESET, ETIMEDOUT, EPIPE, EHOSTUNREACH, ECONNREFUSED, ENOMEM, ENOTCONN, EINVAL, \
         EBADF, ENOTSOCK) \
    CALL(send, \
         SHORT, HALF, EAGAIN, EINTR, EPIPE, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN, ENOBUFS, ENOMEM, \
         EACCES, EMSGSIZE, ENOTCONN, EINVAL, EBADF, EDESTADDRREQ) \
    CALL(sendfile, \
         SHORT, HALF, EAGAIN, EINTR, EPIPE, ECONNRESET, ETIMEDOUT, EIO, EINVAL, ENOSYS, EBADF, ENOMEM, EOVERFLOW, ESPIPE) \
    CALL(sendmsg, \
         SHORT, HALF, EAGAIN, EINTR, EPIPE, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN, ENOBUFS, ENOMEM, \
         EACCES, EMSGSIZE, ENOTCONN, EINVAL, EBADF, EDESTADDRREQ) \
    CALL(write, \
         SHORT, EINTR, EAGAIN, EBADF, EINVAL, EIO, ENOSPC, EDQUOT, EFBIG, EPIPE, EPERM)

#define CALLS_SPARED(WHY) \
    WHY("it cannot fail as we call it: memory and strings", \
        "bcmp memchr memcmp memcpy memmem memmove memrchr memset strchr strcmp strcspn strerror strerrordesc_np " \
        "strerrorname_np strlen strncmp strnlen strpbrk strrchr strspn strstr strtol strtoull gai_strerror gmtime_r " \
        "__errno_location __ctype_b_loc __tls_get_addr") \
    WHY("it cannot fail as we call it: the arguments are constants, or were checked", \
        "clock_gettime getenv secure_getenv getopt_long optarg opterr optind optopt getpid inet_ntop inet_pton htons sigaction sigaddset sigemptyset sigfillset " \
        "sigismember signal sigpending pthread_sigmask pthread_cond_destroy pthread_cond_init pthread_cond_signal " \
        "pthread_cond_timedwait pthread_cond_wait pthread_condattr_destroy pthread_condattr_init " \
        "pthread_condattr_setclock pthread_mutex_destroy pthread_mutex_init pthread_mutex_lock pthread_mutex_unlock " \
        "pthread_setcancelstate pthread_cancel sched_yield sysconf snprintf strftime vsnprintf freeaddrinfo") \
    WHY("a failure is a mistake of ours, and an assertion says so: EBADF, EFAULT, EINVAL are all its manual names", \
        "timerfd_settime pthread_join") \
    WHY("its answer is not looked at: membarrier, without which a drain's wait for handshakes is shorter", \
        "syscall") \
    WHY("its answer is not looked at: malloc_trim, which may have nothing to give back", \
        "malloc_trim") \
    WHY("a log file that cannot be opened again goes on as it was, which open says too", \
        "dup3") \
    WHY("it is the last word of the process, or frees", \
        "_GLOBAL_OFFSET_TABLE_ __assert_fail __cxa_finalize __gmon_start__ __libc_start_main __stack_chk_fail _ITM_deregisterTMCloneTable " \
        "_ITM_registerTMCloneTable abort exit free fclose EVP_MD_CTX_free") \
    WHY("what a person reads is lost, and nothing else: usage, the ledger at the end", \
        "fflush fmemopen fprintf fputc fputs fwrite printf putchar puts stderr stdout") \
    WHY("it is of another library, and one path of the demo needs it: not made to fail here", \
        "EVP_DigestFinal_ex EVP_DigestInit_ex EVP_DigestUpdate EVP_MD_CTX_new EVP_sha256") \
    WHY("it is of another library, the resolver, whose own calls are not ours; or cannot fail as we call it", \
        "ares_cancel ares_destroy ares_destroy_options ares_free_hostent ares_freeaddrinfo ares_getaddrinfo " \
        "ares_gethostbyname_file ares_init_options ares_library_init ares_process_fd ares_save_options " \
        "ares_set_servers_ports ares_set_socket_callback ares_strerror ares_timeout if_nametoindex pthread_once")
/* clang-format on */

#endif
