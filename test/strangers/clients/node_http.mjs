// The acts of a stranger by Node's http: node node_http.mjs ACT URL FILE prints one line of JSON.
import {createHash} from 'node:crypto';
import {createReadStream, readFileSync} from 'node:fs';
import http from 'node:http';

const [act, url, path] = process.argv.slice(2);
const agent = new http.Agent({keepAlive: true, maxSockets: 1});

// Ends with the answer, even if sending the body failed after it came.
function ask(method, headers, send) {
    return new Promise((resolve, reject) => {
        const interim = [];
        let answered = false;
        const request = http.request(url, {method, agent, headers});
        request.on('information', info => interim.push(info.statusCode));
        request.on('response', response => {
            answered = true;
            const hash = createHash('sha256');
            const told = {status: response.statusCode, octets: 0, interim, body: ''};
            response.on('data', piece => {
                told.octets += piece.length;
                hash.update(piece);
                if (told.octets < 1000)
                    told.body += piece;
                if (act === 'abrupt') {
                    request.destroy();
                    resolve(told);
                }
            });
            response.on('end', () => resolve({...told, sha256: hash.digest('hex')}));
            response.on('error', reject);
        });
        request.on('error', error => {
            if (!answered)
                reject(error);
        });
        send(request);
    });
}

const end = request => request.end();
const length = () => ({'content-length': readFileSync(path).length});
const stream = request => createReadStream(path).pipe(request);

async function play() {
    if (act === 'head')
        return ask('HEAD', {}, end);
    if (act === 'upload' || act === 'refuse')
        return ask('POST', length(), stream);
    if (act === 'expect')
        return ask('POST', {...length(), expect: '100-continue'}, request => {
            request.flushHeaders();
            request.on('continue', () => stream(request));
        });
    if (act === 'streamed')
        return ask('POST', {}, stream);
    if (act === 'keep_alive') {
        const statuses = [];
        for (let i = 0; i < 100; i++)
            statuses.push((await ask('GET', {}, end)).status);
        return {statuses};
    }
    return ask('GET', {}, end);
}

console.log(JSON.stringify(await play()));
agent.destroy();
