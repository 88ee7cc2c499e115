// The acts of a stranger by undici.request: node node_undici.js ACT URL FILE prints one line of JSON.
const {createHash} = require('node:crypto');
const {createReadStream, readFileSync} = require('node:fs');
const undici = require('undici');

const [act, url, path] = process.argv.slice(2);
const client = new undici.Agent({connections: 1});

async function ask(options) {
    const interim = [];
    const onInfo = info => interim.push(info.statusCode);
    const response = await undici.request(url, {dispatcher: client, onInfo, ...options});
    const body = Buffer.from(await response.body.arrayBuffer());
    return {
        status: response.statusCode, octets: body.length, interim,
        sha256: createHash('sha256').update(body).digest('hex'), body: body.length < 1000 ? body.toString() : ''
    };
}

async function play() {
    if (act === 'head')
        return ask({method: 'HEAD'});
    if (act === 'upload' || act === 'refuse')
        return ask({method: 'POST', body: readFileSync(path)});
    if (act === 'streamed')
        return ask({method: 'POST', body: createReadStream(path)});
    if (act === 'keep_alive') {
        const statuses = [];
        for (let i = 0; i < 100; i++)
            statuses.push((await ask({})).status);
        return {statuses};
    }
    if (act === 'abrupt') {
        const response = await undici.request(url, {dispatcher: client});
        response.body.on('error', () => {});
        await new Promise(resolve => response.body.once('data', resolve));
        response.body.destroy();
        return {status: response.statusCode};
    }
    return ask({});
}

play().then(async told => {
    console.log(JSON.stringify(told));
    await (act === 'abrupt' ? client.destroy() : client.close());
});
