// An origin of Node's http module: node.mjs LARGE_FILE SOCKET prints its port. What it answers is told by path.
import { createHash } from 'node:crypto';
import { createReadStream, unlinkSync } from 'node:fs';
import http from 'node:http';
import process from 'node:process';

const [large, socket] = process.argv.slice(2);
const small = 'Hello, World!';

function stream(answer, fields) {
    answer.writeHead(200, fields);
    createReadStream(large).pipe(answer);
}

function digest(request, answer) {
    const hash = createHash('sha256');
    let octets = 0;
    request.on('data', (piece) => { hash.update(piece); octets += piece.length; });
    request.on('end', () => answer.end(`${octets} ${hash.digest('hex')} ${request.trailers['x-mark'] ?? '-'}`));
}

// Some of a body, and then no more: `end` says how the connection goes.
function cut(answer, fields, end) {
    answer.writeHead(200, fields);
    answer.write(Buffer.alloc(10000, 'x'), () => end(answer.socket));
}

const pages = {
    '/small': (request, answer) => answer.end(small),
    '/large': (request, answer) => stream(answer, { 'Content-Length': 33554432 }),
    '/chunked': (request, answer) => stream(answer, {}),
    '/digest': digest,
    '/empty': (request, answer) => { answer.statusCode = 204; answer.end(); },
    '/same': (request, answer) => { answer.statusCode = 304; answer.setHeader('ETag', '"a"'); answer.end(); },
    '/close': (request, answer) => { answer.setHeader('Connection', 'close'); answer.end(small); },
    '/hints': (request, answer) => {
        answer.writeProcessing();
        answer.writeEarlyHints({ link: '</a.css>; rel=preload' });
        answer.end(small);
    },
    '/trailers': (request, answer) => {
        answer.writeHead(200, { Trailer: 'X-Mark, X-More' });
        answer.write(small);
        answer.addTrailers({ 'X-Mark': 'here', 'X-More': 'there' });
        answer.end();
    },
    '/cut-length': (request, answer) => cut(answer, { 'Content-Length': 20000 }, (s) => s.end()),
    '/cut-chunked': (request, answer) => cut(answer, {}, (s) => s.end()),
    '/reset-length': (request, answer) => cut(answer, { 'Content-Length': 20000 }, (s) => s.resetAndDestroy()),
    '/reset-chunked': (request, answer) => cut(answer, {}, (s) => s.resetAndDestroy()),
    '/vanish': (request, answer) => answer.socket.destroy(),
};

function serve(request, answer) {
    const page = pages[request.url];
    if (page) return page(request, answer);
    answer.statusCode = 404;
    answer.end();
}

function expected(request, answer) {
    if (request.url === '/refused-417' || request.url === '/refused-413') {
        answer.statusCode = Number(request.url.slice(-3));
        return answer.end('no');
    }
    if (request.url === '/unmentioned') // 100 is not sent: the client has to go on by itself
        return digest(request, answer);
    answer.writeContinue();
    return serve(request, answer);
}

function start(where, told, settings) {
    const server = http.createServer({ requestTimeout: 0, headersTimeout: 0, ...settings }, serve);
    server.keepAliveTimeout = settings.idle ?? 60000;
    server.on('checkContinue', expected);
    server.listen(where, () => told(server));
    return server;
}

unlinkSyncQuietly(socket);
function unlinkSyncQuietly(path) {
    try { unlinkSync(path); } catch { /* it was not there */ }
}
start({ path: socket }, () =>
    start({ host: '127.0.0.1', port: 0 }, (first) =>
        // A second one, whose connections are idle for a tenth of a second at most.
        start({ host: '127.0.0.1', port: 0 }, (second) =>
            console.log(`port ${first.address().port} ${second.address().port}`), { idle: 100 }), {}), {});
