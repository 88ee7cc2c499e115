// The acts of a stranger by Node's fetch: node node_fetch.mjs ACT URL FILE prints one line of JSON.
import {createHash} from 'node:crypto';
import {createReadStream, readFileSync} from 'node:fs';

const [act, url, path] = process.argv.slice(2);

async function ask(options) {
    const response = await fetch(url, options);
    const body = Buffer.from(await response.arrayBuffer());
    return {
        status: response.status, octets: body.length, sha256: createHash('sha256').update(body).digest('hex'),
        body: body.length < 1000 ? body.toString() : ''
    };
}

async function play() {
    if (act === 'head')
        return ask({method: 'HEAD'});
    if (act === 'upload' || act === 'refuse')
        return ask({method: 'POST', body: readFileSync(path)});
    if (act === 'streamed')
        return ask({method: 'POST', body: createReadStream(path), duplex: 'half'});
    if (act === 'keep_alive') {
        const statuses = [];
        for (let i = 0; i < 100; i++)
            statuses.push((await ask({})).status);
        return {statuses};
    }
    if (act === 'abrupt') {
        const abort = new AbortController();
        const response = await fetch(url, {signal: abort.signal});
        await response.body.getReader().read();
        abort.abort();
        return {status: response.status};
    }
    return ask({});
}

console.log(JSON.stringify(await play()));
