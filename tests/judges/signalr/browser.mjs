// The npm clients in a headless browser: their own browser builds, on a page that the server serves.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { conclude, harness } from './harness.mjs';

const [program, packages, chromium, only = ''] = process.argv.slice(2);
const require = createRequire(resolve(packages, 'package.json'));
const { chromium: browserType } = require('playwright-core');

const house = harness(program);
const { url } = await house.start();
const browser = await browserType.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu'] });
const page = await browser.newPage();
for (const [name, run] of Object.entries({
    report: (line) => console.log(line),
    start: house.start,
    restart: house.restart,
    cut: house.cut,
    proxyOf: () => house.proxy(url),
    connectionsOf: house.connections,
})) await page.exposeFunction(`house_${name}`, run);
await page.goto(`${url}/`);
await page.addScriptTag({ path: resolve(packages, 'node_modules/@microsoft/signalr/dist/browser/signalr.js') });
await page.addScriptTag({ path: resolve(packages, 'node_modules/@microsoft/signalr-protocol-msgpack/dist/browser/signalr-protocol-msgpack.js') });
const source = readFileSync(new URL('behaviours.mjs', import.meta.url), 'utf8').replaceAll('export ', '');
await page.addScriptTag({ content: `${source}\nwindow.behaviours = behaviours; window.judge = judge;` });

const outcome = await page.evaluate(async ({ url, only }) => {
    const list = window.behaviours({
        signalR: window.signalR,
        MessagePack: window.signalR.protocols.msgpack.MessagePackHubProtocol,
        url,
        start: () => window.house_start(),
        restart: (id) => window.house_restart(id),
        cut: (id) => window.house_cut(id),
        proxy: async () => {
            const { id, url: front } = await window.house_proxyOf();
            return { id, url: front, connections: () => window.house_connectionsOf(id) };
        },
    });
    // Browsers open six HTTP/1.1 connections to a host: few behaviours at a time.
    return window.judge(list.filter(({ name }) => name.includes(only)), (line) => window.house_report(line), 1);
}, { url, only });
conclude('npm clients in Chromium', outcome, only ? 1 : 120);
await browser.close();
await house.stop();
