"""One of the four predictors with LitServe, named on the command line; answers in Cog's form."""
# ruff: noqa: D101, D102

import asyncio
import json
import sys
import time

import litserve


def event(number):
    chunk = json.dumps({"chunk": f"token{number} ", "index": number})
    return f"event: output\ndata: {chunk}\n\n"


class SyncEcho(litserve.LitAPI):
    def setup(self, device):
        pass

    def decode_request(self, request):
        return request["input"]["text"]

    def predict(self, text):
        return "hello " + text

    def encode_response(self, output):
        return {"status": "succeeded", "output": output}


class AsyncEcho(litserve.LitAPI):
    def setup(self, device):
        pass

    async def decode_request(self, request):
        return request["input"]["text"]

    async def predict(self, text):
        return "hello " + text

    async def encode_response(self, output):
        return {"status": "succeeded", "output": output}


class SyncStream(litserve.LitAPI):
    def setup(self, device):
        pass

    def decode_request(self, request):
        return request["input"]

    def predict(self, given):
        for number in range(given["count"]):
            if given.get("pause"):
                time.sleep(given["pause"])
            yield number

    def encode_response(self, numbers):
        for number in numbers:
            yield event(number)


class AsyncStream(litserve.LitAPI):
    def setup(self, device):
        pass

    async def decode_request(self, request):
        return request["input"]

    async def predict(self, given):
        for number in range(given["count"]):
            if given.get("pause"):
                await asyncio.sleep(given["pause"])
            yield number

    async def encode_response(self, numbers):
        async for number in numbers:
            yield event(number)


if __name__ == "__main__":
    work, port = sys.argv[1:]
    makers = {"sync_echo": SyncEcho, "async_echo": AsyncEcho,
              "sync_stream": SyncStream, "async_stream": AsyncStream}  # fmt: skip
    api = makers[work](
        api_path=f"/{work}",
        stream=work.endswith("stream"),
        enable_async=work.startswith("async"),
    )
    server = litserve.LitServer(api, accelerator="cpu", timeout=60)
    server.run(host="127.0.0.1", port=int(port), log_level="error", generate_client_file=False)
