// The npm clients in Node.

import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { behaviours, judge } from './behaviours.mjs';
import { conclude, harness } from './harness.mjs';

const [program, packages, only = ''] = process.argv.slice(2);
const require = createRequire(resolve(packages, 'package.json'));
const signalR = require('@microsoft/signalr');
const { MessagePackHubProtocol } = require('@microsoft/signalr-protocol-msgpack');

// A promise that a stopped client leaves behind is no verdict: each behaviour judges its own.
process.on('unhandledRejection', () => {});

const house = harness(program);
const { url } = await house.start();
const list = behaviours({
    signalR,
    MessagePack: MessagePackHubProtocol,
    url,
    start: house.start,
    restart: house.restart,
    cut: async (id) => house.cut(id),
    proxy: async () => {
        const { id, url: front } = await house.proxy(url);
        return { id, url: front, connections: async () => house.connections(id) };
    },
});
const chosen = list.filter(({ name }) => name.includes(only));
conclude('npm clients in Node', await judge(chosen, (line) => console.log(line)), only ? 1 : 120);
await house.stop();
