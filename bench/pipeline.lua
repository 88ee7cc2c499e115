-- For wrk: batches of N requests (`wrk ... URL -- N`; 1 leaves wrk's own static request alone), and at the end one line
-- with exact counts, since wrk's own report rounds them.
function init(args)
    local depth = tonumber(args[1] or "1")
    if depth > 1 then
        local batch = string.rep(wrk.format(), depth)
        request = function() return batch end
    end
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format("counts %d %d\n", summary.requests,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
