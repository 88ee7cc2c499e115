-- wrk with a body of a mebibyte.
wrk.method = "POST"
wrk.body = string.rep("0123456789abcdef", 65536)
