// Starts servers and puts proxies that cut in front of them.

import { spawn } from 'node:child_process';
import { createServer, connect } from 'node:net';
import { createInterface } from 'node:readline';

export function harness(program) {
    const servers = new Map();
    const proxies = new Map();
    let ids = 0;

    const launch = (port) => new Promise((done, failed) => {
        const process = spawn(program, [String(port)], { stdio: ['ignore', 'pipe', 'ignore'] });
        process.once('error', failed);
        process.once('exit', () => failed(new Error('the server ended')));
        createInterface(process.stdout).on('line', (line) => {
            const url = line.match(/^listening on (http:\S+)$/)?.[1];
            if (url) done({ process, url });
        });
    });
    const end = ({ process }) => new Promise((done) => {
        process.once('exit', done);
        process.kill('SIGKILL');
    });

    const start = async () => {
        const id = ++ids;
        const server = await launch(0);
        servers.set(id, server);
        return { id, url: server.url };
    };
    const restart = async (id) => {
        const server = servers.get(id);
        await end(server);
        servers.set(id, await launch(new URL(server.url).port));
    };

    const proxy = (target) => new Promise((done) => {
        const id = ++ids;
        const sockets = new Set();
        const listener = createServer((client) => {
            const server = connect(new URL(target).port, '127.0.0.1');
            const both = [client, server];
            sockets.add(client);
            both.forEach((socket, index) => {
                socket.on('error', () => {});
                socket.on('close', () => { sockets.delete(client); both[1 - index].destroy(); });
            });
            client.pipe(server);
            server.pipe(client);
        });
        listener.listen(0, '127.0.0.1', () => {
            proxies.set(id, { listener, sockets });
            done({ id, url: `http://127.0.0.1:${listener.address().port}` });
        });
    });
    // Without a word: neither side sees a close of WebSocket or hub.
    const cut = (id) => { for (const socket of proxies.get(id).sockets) socket.resetAndDestroy(); };
    const connections = (id) => proxies.get(id).sockets.size;

    const stop = async () => {
        for (const { listener } of proxies.values()) listener.close();
        await Promise.all([...servers.values()].map(end));
    };
    return { start, restart, proxy, cut, connections, stop };
}

// Prints what failed once more and sets the exit code.
export function conclude(judge, { passed, failed }, atLeast) {
    failed.forEach((text) => console.log(`FAILED  ${text}`));
    console.log(`${judge}: ${passed} behaviours shown, ${failed.length} failed`);
    if (failed.length > 0 || passed < atLeast) process.exitCode = 1;
}
