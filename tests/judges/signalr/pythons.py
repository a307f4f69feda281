"""The PyPI clients: signalrcore over its three transports and pysignalr, JSON and MessagePack.

usage: pythons.py SERVER_PROGRAM
"""

import asyncio
import logging
import re
import subprocess
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from pysignalr.client import SignalRClient
from pysignalr.protocol.messagepack import MessagepackProtocol
from signalrcore.hub_connection_builder import HubConnectionBuilder
from signalrcore.subject import Subject
from signalrcore.types import HttpTransportType, HubProtocolEncoding

PATIENCE = 20
logging.disable(logging.CRITICAL)


def launch(program, port=0):
    process = subprocess.Popen([program, str(port)], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if found := re.match(r"listening on (http:\S+)", line):
            return process, found[1]
    raise RuntimeError("the server ended")


def token(url, user, seconds=600):
    return urllib.request.urlopen(f"{url}/generateJwtToken?user={user}&seconds={seconds}").read().decode()


def equal(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


class Waiter:
    """A value that another thread brings."""

    def __init__(self):
        self.event = threading.Event()
        self.value = None

    def bring(self, value=None):
        self.value = value
        self.event.set()

    def wait(self, what):
        assert self.event.wait(PATIENCE), f"no {what} in time"
        return self.value


class Core:
    """One connection of signalrcore."""

    def __init__(self, url, transport, encoding, hub="/testhub", **options):
        options["transport"] = transport
        builder = HubConnectionBuilder().with_url(url + hub, options=options)
        self.connection = builder.with_hub_protocol(encoding).build()
        self.opened, self.closed, self.errors = Waiter(), Waiter(), Waiter()
        self.connection.on_open(self.opened.bring)
        self.connection.on_close(self.closed.bring)
        self.connection.on_error(lambda message: self.errors.bring(message.error))

    def __enter__(self):
        self.connection.start()
        self.opened.wait("open connection")
        return self

    def __exit__(self, *_):
        self.connection.stop()

    def invoke(self, method, *arguments):
        waiter = Waiter()
        self.connection.send(method, list(arguments), lambda message: waiter.bring(message.result))
        return waiter.wait(f"result of {method}")

    def failure(self, method, *arguments):
        self.connection.send(method, list(arguments))
        return self.errors.wait(f"error of {method}")

    def call_of(self, method):
        waiter = Waiter()
        self.connection.on(method, waiter.bring)
        return waiter

    def items(self, method, *arguments):
        got, waiter = [], Waiter()
        callbacks = {"next": got.append, "complete": waiter.bring, "error": waiter.bring}
        self.connection.stream(method, list(arguments)).subscribe(callbacks)
        waiter.wait("end of the stream")
        return got


def core_behaviours(url):
    for transport, name in [
        (HttpTransportType.web_sockets, "WebSockets"),
        (HttpTransportType.server_sent_events, "Server-Sent Events"),
        (HttpTransportType.long_polling, "long polling"),
    ]:
        for encoding, protocol in [(HubProtocolEncoding.text, "JSON"), (HubProtocolEncoding.binary, "MessagePack")]:
            # Events are text; and its long polling cuts each answer at record separators, which MessagePack has none of.
            if transport is not HttpTransportType.web_sockets and encoding is HubProtocolEncoding.binary:
                continue
            yield from core_way(url, transport, encoding, f"signalrcore, {name} in {protocol}")


def core_way(url, transport, encoding, way):
    def opened(**options):
        return Core(url, transport, encoding, **options)

    def calls():
        with opened() as core:
            equal(core.invoke("Echo", "hällo"), "hällo")
            equal(core.invoke("Add", 40, 2), 42)

    def failures():
        with opened() as core:
            text = core.failure("ThrowException", "x")
            assert "invoking 'ThrowException' on the server. InvalidOperationException" in text, text

    def message():
        with opened() as core:
            heard = core.call_of("Message")
            core.connection.send("InvokeWithString", ["sent"])
            equal(heard.wait("message"), ["sent"])

    def stream():
        with opened() as core:
            # Slow enough that the client has registered its callbacks, which it does after asking.
            equal(core.items("Counter", 5, 50), [0, 1, 2, 3, 4])

    def upload():
        with opened() as core:
            heard, parts = core.call_of("Concatenated"), Subject()
            core.connection.send("ConcatBack", parts)
            for part in ["hello ", "world"]:
                parts.next(part)
            parts.complete()
            equal(heard.wait("concatenated text"), ["hello world"])

    def group():
        with opened() as one, opened() as two:
            equal(one.invoke("Join", way), None)
            equal(two.invoke("Join", way), None)
            heard = [one.call_of("Message"), two.call_of("Message")]
            one.connection.send("ToGroup", [way, "to the group"])
            equal([waiter.wait("message") for waiter in heard], [["to the group"]] * 2)

    def user():
        bearer = token(url, "carla")
        with opened(hub="/authorizedhub", access_token_factory=lambda: bearer) as core:
            equal(core.invoke("WhoAmI"), "carla")

    def close():
        with opened() as core:
            core.connection.send("Abort", [])
            core.closed.wait("close")

    def burst():
        with opened() as core:
            got = []
            core.connection.on("Number", lambda arguments: got.append(arguments[0]))
            equal(core.invoke("Burst", 200), 200)
            equal(got, list(range(200)))

    # It takes one message out of each answer to a poll, and sends no headers with polls.
    polls = transport is HttpTransportType.long_polling
    yield f"a call returns its result, with {way}", calls
    yield f"an error of a method is reported, with {way}", failures
    yield f"the server calls the client, with {way}", message
    if encoding is HubProtocolEncoding.text:  # in MessagePack it sends a message of five items without an id
        yield f"an upload is gathered, with {way}", upload
    yield f"a group is reached, with {way}", group
    yield f"the server ends the connection, with {way}", close
    if not polls:
        yield f"a stream gives its items and completes, with {way}", stream
        yield f"the token says who it is, with {way}", user
        yield f"two hundred messages arrive in order, with {way}", burst


class Py:
    """One connection of pysignalr."""

    def __init__(self, url, protocol, hub="/testhub", **options):
        self.client = SignalRClient(url + hub, protocol=protocol(), **options)
        self.open, self.closed, self.errors = asyncio.Event(), asyncio.Event(), asyncio.Queue()
        self.client.on_open(self.set_open)
        self.client.on_close(self.set_closed)
        self.client.on_error(self.errors.put)

    async def set_open(self):
        self.open.set()

    async def set_closed(self):
        self.closed.set()

    async def __aenter__(self):
        self.task = asyncio.create_task(self.client.run())
        await asyncio.wait_for(self.open.wait(), PATIENCE)
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def invoke(self, method, *arguments):
        result = asyncio.get_running_loop().create_future()

        async def complete(message):
            if not result.done():
                result.set_result(message.result)

        await self.client.send(method, list(arguments), complete)
        return await asyncio.wait_for(result, PATIENCE)

    def call_of(self, method):
        heard = asyncio.Queue()
        self.client.on(method, heard.put)
        return heard


def py_behaviours(url, program):
    from pysignalr.protocol.json import JSONProtocol

    for protocol, name in [(JSONProtocol, "JSON"), (MessagepackProtocol, "MessagePack")]:
        yield from py_way(url, program, protocol, f"pysignalr in {name}")


def py_way(url, program, protocol, way):
    async def calls():
        async with Py(url, protocol) as py:
            equal(await py.invoke("Echo", "hällo"), "hällo")
            equal(await py.invoke("Add", 40, 2), 42)

    async def failures():
        async with Py(url, protocol) as py:
            await py.client.send("ThrowException", ["x"], lambda _: None)
            message = await asyncio.wait_for(py.errors.get(), PATIENCE)
            assert "InvalidOperationException: An error occurred." in message.error, message.error

    async def message():
        async with Py(url, protocol) as py:
            heard = py.call_of("Message")
            await py.client.send("InvokeWithString", ["sent"])
            equal(await asyncio.wait_for(heard.get(), PATIENCE), ["sent"])

    async def stream():
        async with Py(url, protocol) as py:
            got, ended = [], asyncio.Event()

            async def item(value):
                got.append(value)

            async def complete(_):
                ended.set()

            await py.client.stream("Counter", [5, 50], item, complete, complete)
            await asyncio.wait_for(ended.wait(), PATIENCE)
            equal(got, [0, 1, 2, 3, 4])

    async def upload():
        async with Py(url, protocol) as py:
            heard = py.call_of("Concatenated")
            async with py.client.client_stream("ConcatBack") as parts:
                await parts.send("hello ")
                await parts.send("world")
            equal(await asyncio.wait_for(heard.get(), PATIENCE), ["hello world"])

    async def answer():
        async with Py(url, protocol) as py:
            async def double(arguments):
                return arguments[0] * 2

            py.client.on("Result", double)
            equal(await py.invoke("AskMe", 21), 42)

    async def user():
        async with Py(url, protocol, hub="/authorizedhub", headers={"Authorization": f"Bearer {token(url, 'dora')}"}) as py:
            equal(await py.invoke("WhoAmI"), "dora")

    async def burst():
        async with Py(url, protocol) as py:
            heard = py.call_of("Number")
            equal(await py.invoke("Burst", 200), 200)
            got = [(await asyncio.wait_for(heard.get(), PATIENCE))[0] for _ in range(200)]
            equal(got, list(range(200)))

    async def restart():
        process, own = launch(program)
        try:
            async with Py(own, protocol, retry_sleep=0.2, retry_count=100) as py:
                py.open.clear()
                process.kill()
                process.wait()
                process, _ = launch(program, own.rsplit(":", 1)[1])
                await asyncio.wait_for(py.open.wait(), PATIENCE)
                equal(await py.invoke("Echo", "again"), "again")
        finally:
            process.kill()

    for name, run in [
        ("a call returns its result", calls),
        ("an error of a method is reported", failures),
        ("the server calls the client", message),
        ("a stream gives its items and completes", stream),
        ("an upload is gathered", upload),
        ("a hub asks its caller and gets the answer", answer),
        ("the token says who it is", user),
        ("two hundred messages arrive in order", burst),
        ("after an instance restart the client comes back", restart),
    ]:
        yield f"{name}, with {way}", lambda run=run: asyncio.run(asyncio.wait_for(run(), 60))


def main():
    program, only = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    process, url = launch(program)
    passed, failed = [], []

    def judge(behaviour):
        name, run = behaviour
        try:
            run()
            passed.append(name)
            print(f"ok      {name}", flush=True)
        except Exception as error:  # each failure is reported, none stops the rest
            failed.append(f"{name}: {type(error).__name__} {error}")
            print(f"FAILED  {failed[-1]}", flush=True)

    try:
        chosen = [each for each in [*core_behaviours(url), *py_behaviours(url, program)] if only in each[0]]
        # Many at a time: signalrcore takes seconds to stop.
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(judge, chosen))
    finally:
        process.kill()
    for text in failed:
        print(f"FAILED  {text}")
    print(f"PyPI clients: {len(passed)} behaviours shown, {len(failed)} failed")
    sys.exit(1 if failed or not passed else 0)


main()
