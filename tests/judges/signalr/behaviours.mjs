// What the npm clients show of the server, the same in Node and in a browser. Each behaviour is a name and a function of
// an environment: { signalR, MessagePack, url, proxy, cut(), start(), stop(id), restart(id) }.

export function behaviours({ signalR, MessagePack, url, cut, start, restart, proxy }) {
    const { HubConnectionBuilder, HttpTransportType, LogLevel, Subject } = signalR;
    const ways = [
        { name: 'WebSockets in JSON', transport: HttpTransportType.WebSockets, id: 'WebSockets' },
        { name: 'WebSockets in MessagePack', transport: HttpTransportType.WebSockets, binary: true, id: 'WebSockets' },
        { name: 'Server-Sent Events in JSON', transport: HttpTransportType.ServerSentEvents, id: 'ServerSentEvents' },
        { name: 'long polling in JSON', transport: HttpTransportType.LongPolling, id: 'LongPolling' },
        { name: 'long polling in MessagePack', transport: HttpTransportType.LongPolling, binary: true, id: 'LongPolling' },
    ];
    const sockets = ways[0];
    const all = [];
    const behaviour = (name, run) => all.push({ name, run });
    const everyWay = (name, run) => ways.forEach((way) => behaviour(`${name}, over ${way.name}`, () => run(way)));

    const equal = (found, expected, what = 'value') => {
        const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
        if (a !== b) throw new Error(`${what} is ${a}, not ${b}`);
    };
    const contains = (text, part) => {
        if (!String(text).includes(part)) throw new Error(`"${text}" does not contain "${part}"`);
    };
    const failure = async (promise) => {
        try { await promise; } catch (error) { return String(error.message ?? error); }
        throw new Error('it should have failed');
    };
    const within = (promise, what, ms = 20000) => {
        let timer;
        const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`no ${what} in time`)), ms); });
        return Promise.race([promise, late]).finally(() => clearTimeout(timer));
    };
    const eventually = async (condition, what) => {
        for (let i = 0; i < 400; i++) {
            if (await condition()) return;
            await new Promise((done) => setTimeout(done, 50));
        }
        throw new Error(`never: ${what}`);
    };
    const build = (way, { hub = '/testhub', base = url, reconnect, stateful, tune, ...options } = {}) => {
        let builder = new HubConnectionBuilder()
            .withUrl(base + hub, { transport: way.transport, ...options })
            .configureLogging(LogLevel.None);
        if (way.binary) builder = builder.withHubProtocol(new MessagePack());
        if (reconnect) builder = builder.withAutomaticReconnect(reconnect);
        if (stateful) builder = builder.withStatefulReconnect();
        const connection = builder.build();
        tune?.(connection);
        return connection;
    };
    const open = async (way, options) => {
        const connection = build(way, options);
        await connection.start();
        return connection;
    };
    // Opens, runs, stops.
    const using = async (way, options, run) => {
        const connection = await open(way, options);
        try { return await run(connection); } finally { await connection.stop(); }
    };
    const next = (connection, method) => within(new Promise((done) => {
        const handler = (...values) => { connection.off(method, handler); done(values); };
        connection.on(method, handler);
    }), `call of ${method}`);
    const closed = (connection) => within(new Promise((done) => connection.onclose((error) => done(error ?? null))), 'close');
    const items = (stream) => within(new Promise((done) => {
        const got = [];
        stream.subscribe({
            next: (item) => got.push(item),
            complete: () => done({ got }),
            error: (error) => done({ got, error: String(error.message ?? error) }),
        });
    }), 'end of the stream');
    const token = async (user, seconds = 600) =>
        (await fetch(`${url}/generateJwtToken?user=${user}&seconds=${seconds}`)).text();
    const counts = async () => (await fetch(`${url}/counts`)).json();

    everyWay('a call returns its result', (way) => using(way, {}, async (c) => {
        equal(await c.invoke('Echo', 'hello'), 'hello');
        equal(await c.invoke('Add', 40, 2), 42);
    }));
    everyWay('method names have no case', (way) => using(way, {}, async (c) => equal(await c.invoke('eCHO', 1), 1)));
    everyWay('text of any kind survives', (way) => using(way, {}, async (c) => {
        for (const text of ['', 'äöü 😀 \u0000 \u001e \n\r\t "\\', 'x'.repeat(10000)]) equal(await c.invoke('Echo', text), text);
    }));
    everyWay('null, booleans, lists and objects survive', (way) => using(way, {}, async (c) => {
        for (const value of [null, true, [1, [2, []], {}], { a: { b: null } }, -1, 1.5, 2 ** 40]) {
            equal(await c.invoke('Echo', value), value);
        }
    }));
    everyWay('a method without result returns nothing', (way) => using(way, {}, async (c) => {
        equal((await c.invoke('Void')) ?? null, null);
        equal(await c.invoke('Null'), null);
    }));
    everyWay('an unknown method is an error', (way) => using(way, {}, async (c) =>
        contains(await failure(c.invoke('Unknown')), "Failed to invoke 'Unknown' due to an error on the server. HubException: Method does not exist.")));
    everyWay('an exception is told with its detail in detailed mode', (way) => using(way, {}, async (c) =>
        contains(await failure(c.invoke('ThrowException', 'x')), "An unexpected error occurred invoking 'ThrowException' on the server. InvalidOperationException: An error occurred.")));
    everyWay('an exception keeps its detail to itself otherwise', (way) => using(way, { hub: '/limited' }, async (c) => {
        const text = await failure(c.invoke('ThrowException', 'x'));
        contains(text, "An unexpected error occurred invoking 'ThrowException' on the server.");
        if (text.includes('InvalidOperation')) throw new Error(text);
    }));
    everyWay('an error meant for the client goes out', (way) => using(way, { hub: '/limited' }, async (c) =>
        contains(await failure(c.invoke('HubException', 'for you')), "invoking 'HubException' on the server. HubException: for you")));
    everyWay('a panic is an error of that call only', (way) => using(way, {}, async (c) => {
        contains(await failure(c.invoke('Panic')), "An unexpected error occurred invoking 'Panic' on the server.");
        equal(await c.invoke('Echo', 'alive'), 'alive');
    }));
    everyWay('a wrong number or type of arguments is an error of that call only', (way) => using(way, {}, async (c) => {
        contains(await failure(c.invoke('Add', 1)), "Failed to invoke 'Add' due to an error on the server. InvalidDataException: Invocation provides 1 argument(s) but target expects 2.");
        contains(await failure(c.invoke('Add', 'a', 'b')), "Failed to invoke 'Add' due to an error on the server. InvalidDataException: Error binding arguments.");
        equal(await c.invoke('Add', 1, 2), 3);
    }));
    everyWay('a call without answer is made', (way) => using(way, {}, async (c) => {
        const message = next(c, 'message');
        await c.send('InvokeWithString', 'sent');
        equal(await message, ['sent']);
    }));
    everyWay('objects arrive with their fields', (way) => using(way, {}, async (c) => {
        const object = next(c, 'CustomObject');
        await c.send('SendCustomObject', { Name: 'test', Value: 42 });
        equal(await object, [{ Name: 'test', Value: 42 }]);
    }));
    everyWay('bytes, dates and GUIDs survive', (way) => using(way, {}, async (c) => {
        const object = {
            ByteArray: way.binary ? new Uint8Array([1, 2, 255]) : 'AQL/',
            DateTime: way.binary ? new Date(Date.UTC(2002, 3, 1, 12, 0, 0, 5)) : '2002-04-01T12:00:00.005Z',
            GUID: '00010203-0405-0607-0706-050403020100',
            IntArray: [1, 2, 3],
            String: 'hello',
        };
        equal(await c.invoke('EchoComplexObject', object), object);
        const sent = next(c, 'ComplexObject');
        await c.send('SendComplexObject');
        equal(new Date((await sent)[0].DateTime).toISOString(), '2002-04-01T00:00:00.000Z');
    }));
    everyWay('a stream gives its items and completes', (way) => using(way, {}, async (c) =>
        equal(await items(c.stream('Stream')), { got: ['a', 'b', 'c'] })));
    everyWay('an empty stream completes', (way) => using(way, {}, async (c) => equal(await items(c.stream('EmptyStream')), { got: [] })));
    everyWay('a stream that cannot start reports why', (way) => using(way, {}, async (c) =>
        contains((await items(c.stream('StreamThrowException', 'x'))).error, "An unexpected error occurred invoking 'StreamThrowException' on the server. InvalidOperationException: An error occurred.")));
    everyWay('a stream that breaks gives what it has and its error', (way) => using(way, {}, async (c) => {
        const { got, error } = await items(c.stream('StreamHubException'));
        equal(got, [1]);
        contains(error, 'out of numbers');
    }));
    everyWay('a stream in the way of a call is refused, and a call in the way of a stream', (way) => using(way, {}, async (c) => {
        contains(await failure(c.invoke('Stream')), "The client attempted to invoke the streaming 'Stream' method with a non-streaming invocation.");
        contains((await items(c.stream('Echo', 'x'))).error, "The client attempted to invoke the non-streaming 'Echo' method with a streaming invocation.");
    }));
    everyWay('a cancelled stream stops on the server', (way) => using(way, {}, async (c) => {
        const told = next(c, 'StreamCanceled');
        c.stream('InfiniteStream').subscribe({ next() {}, complete() {}, error() {} }).dispose();
        await told;
    }));
    everyWay('streams run beside calls and each other', (way) => using(way, {}, async (c) => {
        const slow = items(c.stream('Counter', 3, 50));
        const fast = items(c.stream('Counter', 5, 0));
        equal(await c.invoke('Echo', 1), 1);
        equal(await fast, { got: [0, 1, 2, 3, 4] });
        equal(await slow, { got: [0, 1, 2] });
    }));
    everyWay('a long stream waits for its client and arrives whole', (way) => using(way, {}, async (c) => {
        const { got } = await items(c.stream('Counter', 2000, 0));
        equal(got.length, 2000);
        equal(got.every((number, index) => number === index), true);
    }));
    everyWay('an upload is gathered', (way) => using(way, {}, async (c) => {
        const parts = new Subject();
        const result = c.invoke('StreamingConcat', parts);
        for (const part of ['hello ', 'wor', 'ld']) parts.next(part);
        parts.complete();
        equal(await result, 'hello world');
    }));
    everyWay('an upload that fails is an error of its call', (way) => using(way, {}, async (c) => {
        const parts = new Subject();
        const result = c.invoke('StreamingConcat', parts);
        parts.next('hello');
        parts.error(new Error('Something bad'));
        contains(await failure(result), "An unexpected error occurred invoking 'StreamingConcat' on the server. HubException: Something bad");
    }));
    everyWay('two uploads and an argument go together', (way) => using(way, {}, async (c) => {
        const [first, second] = [new Subject(), new Subject()];
        const result = c.invoke('SumUploads', first, 100, second);
        for (let i = 1; i <= 3; i++) first.next(i);
        first.complete();
        for (let i = 1; i <= 3; i++) second.next(10 * i);
        second.complete();
        equal(await result, 166);
    }));
    everyWay('a stream goes up and comes back', (way) => using(way, {}, async (c) => {
        const up = new Subject();
        const back = items(c.stream('UploadEcho', up));
        up.next('one');
        up.next({ two: 2 });
        up.complete();
        equal(await back, { got: ['one', { two: 2 }] });
    }));
    everyWay('the hub knows the transport and the protocol', (way) => using(way, {}, async (c) => {
        equal(await c.invoke('GetActiveTransportName'), way.id);
        equal(await c.invoke('Protocol'), way.binary ? 'messagepack' : 'json');
    }));
    everyWay('the connection has one id on both sides', (way) => using(way, {}, async (c) =>
        equal(await c.invoke('GetCallerConnectionId'), c.connectionId)));
    everyWay('calls of a client run one after the other', (way) => using(way, {}, async (c) => {
        const order = [];
        await Promise.all([100, 50, 0].map((ms) => c.invoke('Wait', ms).then((done) => order.push(done))));
        equal(order, [100, 50, 0]);
    }));
    everyWay('many calls at once all return', (way) => using(way, {}, async (c) => {
        const results = await Promise.all([...Array(60).keys()].map((number) => c.invoke('Add', number, 1)));
        equal(results, [...Array(60).keys()].map((number) => number + 1));
    }));
    everyWay('five hundred messages arrive in order', (way) => using(way, {}, async (c) => {
        const got = [];
        c.on('Number', (number) => got.push(number));
        equal(await c.invoke('Burst', 500), 500);
        equal(got, [...Array(500).keys()]);
    }));
    everyWay('a result of half a megabyte arrives', (way) => using(way, {}, async (c) =>
        equal((await c.invoke('Large', 1 << 19)).length, 1 << 19)));
    everyWay('a hub asks its caller and gets the answer', (way) => using(way, {}, async (c) => {
        c.on('Result', (number) => number * 2);
        equal(await c.invoke('AskMe', 21), 42);
    }));
    everyWay('another client is asked from outside a hub', (way) => using(way, {}, async (c) => {
        const ask = async () => (await fetch(`${url}/clientresult/${c.connectionId}`)).text();
        contains(await ask(), "Client didn't provide a result.");
        c.on('Result', () => 10);
        equal(await ask(), '10');
        c.off('Result');
        c.on('Result', () => { throw new Error('from callback'); });
        contains(await ask(), 'from callback');
    }));
    everyWay('stop ends the connection on the server', (way) => (async () => {
        const before = (await counts()).left;
        const c = await open(way);
        const end = closed(c);
        await c.stop();
        equal(await end, null, 'error of close');
        await eventually(async () => (await counts()).left > before, 'the disconnected hook');
    })());
    everyWay('the server ends a connection without error', (way) => (async () => {
        const c = await open(way);
        const end = closed(c);
        c.invoke('Abort').catch(() => {});
        equal(await end, null, 'error of close');
    })());
    everyWay('the server ends a connection and says why', (way) => (async () => {
        const c = await open(way);
        const end = closed(c);
        c.invoke('CloseMe', 'enough', false).catch(() => {});
        contains(await end, 'Server returned an error on close: enough');
    })());
    everyWay('a client comes back when the server allows it', (way) => (async () => {
        const c = await open(way, { reconnect: [0, 100, 1000] });
        const first = c.connectionId;
        const back = within(new Promise((done) => c.onreconnected(done)), 'reconnect');
        c.invoke('CloseMe', null, true).catch(() => {});
        if ((await back) === first) throw new Error('a new connection has the old id');
        equal(await c.invoke('Echo', 'again'), 'again');
        await c.stop();
    })());
    everyWay('a client stays away when the server does not allow it', (way) => (async () => {
        const c = await open(way, { reconnect: [0] });
        let reconnecting = false;
        c.onreconnecting(() => { reconnecting = true; });
        const end = closed(c);
        c.invoke('CloseMe', null, false).catch(() => {});
        await end;
        equal(reconnecting, false, 'reconnecting');
    })());
    everyWay('a message over the limit closes with a text that says so', (way) => (async () => {
        const c = await open(way, { hub: '/limited' });
        const end = closed(c);
        c.invoke('Echo', 'x'.repeat(2000)).catch(() => {});
        contains(await end, 'The maximum message size of 1024B was exceeded.');
    })());
    everyWay('groups, others and all-except reach whom they name', (way) => (async () => {
        const [a, b, c] = await Promise.all([open(way), open(way), open(way)]);
        const got = { a: [], b: [], c: [] };
        Object.entries({ a, b, c }).forEach(([name, connection]) => connection.on('Message', (text) => {
            if (text.startsWith(tag)) got[name].push(text.slice(tag.length));
        }));
        const tag = `${way.name}:`;
        const group = `group of ${way.name}`;
        await a.invoke('Join', group);
        await b.invoke('Join', group);
        await a.invoke('ToGroup', group, `${tag}group`);
        await a.invoke('ToOthersInGroup', group, `${tag}others in group`);
        await a.invoke('ToOthers', `${tag}others`);
        await a.invoke('ToAllExcept', [a.connectionId, c.connectionId], `${tag}all except`);
        await a.invoke('ToClient', c.connectionId, `${tag}one`);
        await b.invoke('Leave', group);
        await a.invoke('ToGroup', group, `${tag}without b`);
        await a.invoke('ToAll', `${tag}all`);
        await eventually(() => Object.values(got).every((texts) => texts.at(-1) === 'all'), 'the last message everywhere');
        equal(got, {
            a: ['group', 'without b', 'all'],
            b: ['group', 'others in group', 'others', 'all except', 'all'],
            c: ['others', 'one', 'all'],
        });
        await Promise.all([a.stop(), b.stop(), c.stop()]);
    })());
    everyWay('a user is reached on every connection and nobody else is', (way) => (async () => {
        const as = async (user) => {
            const text = await token(user);
            return open(way, { hub: '/authorizedhub', accessTokenFactory: () => text });
        };
        const user = `anna ${way.name}`;
        const [one, two, other] = await Promise.all([as(user), as(user), as('bert')]);
        equal(await one.invoke('WhoAmI'), user);
        let wrong = 0;
        other.on('Message', (text) => { wrong += text === user ? 1 : 0; });
        const both = [next(one, 'Message'), next(two, 'Message')];
        await other.invoke('ToUser', user, user);
        equal(await Promise.all(both), [[user], [user]]);
        equal(wrong, 0, 'messages for somebody else');
        await Promise.all([one.stop(), two.stop(), other.stop()]);
    })());
    everyWay('without a token negotiate is unauthorized', (way) => (async () =>
        contains(await failure(open(way, { hub: '/authorizedhub' })), "Status code '401'"))());
    everyWay('a hub that is forbidden says 403', (way) => (async () => {
        const text = await token('banned');
        contains(await failure(open(way, { hub: '/authorizedhub', accessTokenFactory: () => text })), "403");
    })());
    everyWay('a method that is not allowed is refused by name', (way) => (async () => {
        const [user, admin] = await Promise.all([token('anna'), token('admin')]);
        await using(way, { hub: '/authorizedhub', accessTokenFactory: () => user }, async (c) =>
            contains(await failure(c.invoke('AdminOnly')), "Failed to invoke 'AdminOnly' because user is unauthorized"));
        await using(way, { hub: '/authorizedhub', accessTokenFactory: () => admin }, async (c) =>
            equal(await c.invoke('AdminOnly'), 'secret'));
    })());
    everyWay('a connection ends with its token', (way) => (async () => {
        const text = await token('anna', 3);
        const c = await open(way, { hub: '/authorizedhub', accessTokenFactory: () => text });
        await closed(c);
    })());
    everyWay('a redirect with a token is followed', (way) => using(way, { hub: '/redirect-with-token' }, async (c) =>
        equal(await c.invoke('WhoAmI'), 'redirected')));
    everyWay('pings keep a quiet connection open', (way) => (async () => {
        const c = await open(way, { hub: '/limited', tune: (c) => { c.serverTimeoutInMilliseconds = way.id === 'LongPolling' ? 6000 : 2000; c.keepAliveIntervalInMilliseconds = 1000; } });
        let ended = false;
        c.onclose(() => { ended = true; });
        await new Promise((done) => setTimeout(done, 4500));
        equal(ended, false, 'ended');
        equal(await c.invoke('Echo', 'here'), 'here');
        await c.stop();
    })());
    everyWay('after an instance restart a client comes back', (way) => (async () => {
        const server = await start();
        const c = await open(way, { base: server.url, reconnect: Array(100).fill(200) });
        const first = c.connectionId;
        const back = within(new Promise((done) => c.onreconnected(done)), 'reconnect');
        await restart(server.id);
        if ((await back) === first) throw new Error('a new connection has the old id');
        equal(await c.invoke('Echo', 'again'), 'again');
        await c.stop();
    })());

    behaviour('WebSockets need no negotiation', () => using(sockets, { skipNegotiation: true }, async (c) => {
        equal(c.connectionId, null, 'id');
        equal(await c.invoke('Echo', 'direct'), 'direct');
    }));
    behaviour('WebSockets in MessagePack need no negotiation', () => using(ways[1], { skipNegotiation: true }, async (c) =>
        equal(await c.invoke('Echo', 'direct'), 'direct')));
    behaviour('a hub without WebSockets falls back to Server-Sent Events', () => using({}, { hub: '/testhub-nowebsockets' }, async (c) =>
        equal(await c.invoke('GetActiveTransportName'), 'ServerSentEvents')));
    behaviour('a hub without WebSockets falls back to long polling in MessagePack', () => using({ binary: true }, { hub: '/testhub-nowebsockets' }, async (c) =>
        equal(await c.invoke('GetActiveTransportName'), 'LongPolling')));
    behaviour('a hub without WebSockets does not offer them', async () =>
        contains(await failure(open(sockets, { hub: '/testhub-nowebsockets' })), 'Unable to connect to the server with any of the available transports'));
    behaviour('WebSockets are taken where everything is offered', () => using({}, {}, async (c) =>
        equal(await c.invoke('GetActiveTransportName'), 'WebSockets')));
    behaviour('redirects are followed and what they carry arrives', () =>
        using(sockets, { hub: `/redirect?baseUrl=${encodeURIComponent(url)}` }, async (c) => equal(await c.invoke('GetNumRedirects'), 3)));
    behaviour('redirects without end are given up', async () =>
        contains(await failure(open(sockets, { hub: '/endless-redirect' })), 'Negotiate redirection limit exceeded.'));
    behaviour('an error of negotiate is told', async () =>
        contains(await failure(open(sockets, { hub: '/bad-negotiate' })), "Status code '400'"));
    behaviour('a full hub refuses with 503', () => using(sockets, { hub: '/small' }, async () =>
        contains(await failure(open(sockets, { hub: '/small' })), "Status code '503'")));
    behaviour('a connection may be in so many groups and no more', () => using(sockets, { hub: '/limited' }, async (c) => {
        await c.invoke('Join', 'one');
        await c.invoke('Join', 'two');
        await c.invoke('Join', 'two');
        await failure(c.invoke('Join', 'three'));
        await c.invoke('Leave', 'one');
        await c.invoke('Join', 'three');
    }));
    behaviour('a connection may have so many streams and no more', () => using(sockets, { hub: '/limited' }, async (c) => {
        const running = [0, 1].map(() => c.stream('InfiniteStream').subscribe({ next() {}, complete() {}, error() {} }));
        contains((await items(c.stream('Stream'))).error, 'A connection may have 2 streams at most.');
        running.forEach((stream) => stream.dispose());
        await eventually(async () => !(await items(c.stream('Stream'))).error, 'room for a stream');
    }));
    behaviour('a connected hook that refuses closes the connection', async () => {
        const c = build(sockets, { hub: '/testhub?refuse=1' });
        // The client may learn of it before or after it believes itself connected.
        const refused = new Promise((done) => c.start().catch(done));
        contains(await Promise.race([closed(c), refused]), 'Connection closed with an error. HubException: not you');
    });
    behaviour('hooks count who is here', async () => {
        const c = await open(sockets);
        const here = (await counts()).here;
        if (here < 1) throw new Error(`here: ${here}`);
        await c.stop();
    });
    behaviour('a client that falls silent is cut and told', async () => {
        const c = await open(sockets, { hub: '/limited', tune: (c) => { c.keepAliveIntervalInMilliseconds = 100000; } });
        contains(await closed(c), "Client hasn't sent a message/ping within the configured ClientTimeoutInterval.");
    });
    behaviour('the query of the connection is readable, the token is not', () =>
        using(sockets, { hub: '/testhub?numRedirects=7&access_token=secret' }, async (c) => equal(await c.invoke('GetNumRedirects'), 7)));
    behaviour('protocols are mixed in one broadcast', async () => {
        const connections = await Promise.all(ways.map((way) => open(way)));
        const heard = connections.map((connection) => within(new Promise((done) =>
            connection.on('Message', (text) => { if (text === 'to all of them') done(text); })), 'message'));
        await connections[0].invoke('ToAll', 'to all of them');
        await Promise.all(heard);
        await Promise.all(connections.map((connection) => connection.stop()));
    });
    behaviour('a client asks another through the hub', async () => {
        const [asking, asked] = await Promise.all([open(ways[0]), open(ways[1])]);
        asked.on('Result', async () => 7);
        equal(await asking.invoke('AskClient', asked.connectionId), 7);
        contains(await failure(asking.invoke('AskClient', 'nobody')), "Connection 'nobody' does not exist.");
        await Promise.all([asking.stop(), asked.stop()]);
    });
    behaviour('whoever waits for a client that leaves is told', async () => {
        const [asking, asked] = await Promise.all([open(ways[0]), open(ways[1])]);
        let question;
        const asks = new Promise((done) => { question = done; });
        asked.on('Result', () => { question(); return new Promise(() => {}); });
        const answer = failure(asking.invoke('AskClient', asked.connectionId));
        await within(asks, 'question');
        await asked.stop();
        contains(await answer, 'Connection disconnected.');
        await asking.stop();
    });

    const stateful = (name, run) => ways.slice(0, 2).forEach((way) => behaviour(`${name}, over ${way.name}`, async () => {
        const server = await proxy();
        let reconnecting = false;
        const c = await open(way, { base: server.url, stateful: true, reconnect: [0, 100, 1000] });
        c.onreconnecting(() => { reconnecting = true; });
        try { await run(c, server, way); } finally { await c.stop(); }
        equal(reconnecting, false, 'a fresh connection instead of the old one');
    }));
    const again = (server) => eventually(async () => (await server.connections()) > 0, 'the socket again');
    stateful('stateful reconnect keeps connection and id', async (c, server) => {
        const id = c.connectionId;
        equal(await c.invoke('Echo', 'before'), 'before');
        await cut(server.id);
        equal(await c.invoke('GetCallerConnectionId'), id);
    });
    stateful('stateful reconnect loses and doubles no message in a flood', async (c, server) => {
        const got = [];
        c.on('Number', (number) => got.push(number));
        const burst = c.invoke('Burst', 3000);
        await eventually(() => got.length > 50, 'some numbers');
        await cut(server.id);
        equal(await burst, 3000);
        equal(got.length, 3000);
        equal(got.every((number, index) => number === index), true, 'order');
    });
    stateful('stateful reconnect makes each call once', async (c, server) => {
        const calls = [];
        for (let i = 0; i < 30; i++) {
            calls.push(c.invoke('Add', i, 0));
            if (i === 15) await cut(server.id);
        }
        equal(await Promise.all(calls), [...Array(30).keys()]);
    });
    stateful('stateful reconnect keeps groups, and what was sent meanwhile arrives', async (c, server, way) => {
        const group = `stateful ${way.name}`;
        await c.invoke('Join', group);
        const heard = within(new Promise((done) => c.on('Message', done)), 'message');
        const sender = await open(sockets);
        await cut(server.id);
        await sender.invoke('ToGroup', group, 'meanwhile');
        equal(await heard, 'meanwhile');
        await sender.stop();
    });
    stateful('stateful reconnect survives three cuts in a row', async (c, server) => {
        for (let i = 0; i < 3; i++) {
            await cut(server.id);
            await again(server);
            equal(await c.invoke('Echo', i), i);
        }
    });
    stateful('stateful reconnect goes on with a running stream', async (c, server) => {
        const numbers = items(c.stream('Counter', 40, 25));
        await c.invoke('Echo', 1);
        await cut(server.id);
        const { got } = await numbers;
        equal(got, [...Array(40).keys()]);
    });
    behaviour('without stateful reconnect a cut ends the connection, and automatic reconnect makes a new one', async () => {
        const server = await proxy();
        const c = await open(sockets, { base: server.url, reconnect: [0, 100, 1000] });
        const first = c.connectionId;
        const back = within(new Promise((done) => c.onreconnected(done)), 'reconnect');
        await cut(server.id);
        if ((await back) === first) throw new Error('a new connection has the old id');
        await c.stop();
    });
    return all;
}

// Runs them, some at a time; { passed, failed: [texts] }.
export async function judge(list, report, atATime = 8) {
    const queue = [...list];
    const failed = [];
    let passed = 0;
    const work = async () => {
        for (let behaviour = queue.shift(); behaviour; behaviour = queue.shift()) {
            let timer;
            try {
                const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('it took more than 60 s')), 60000); });
                await Promise.race([behaviour.run(), late]);
                passed += 1;
                report(`ok      ${behaviour.name}`);
            } catch (error) {
                failed.push(`${behaviour.name}: ${error.message ?? error}`);
                report(`FAILED  ${behaviour.name}: ${error.message ?? error}`);
            } finally {
                clearTimeout(timer);
            }
        }
    };
    await Promise.all(Array.from({ length: atATime }, work));
    return { passed, failed };
}
