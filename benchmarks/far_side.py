"""The far side in a process of its own: pages rendered beforehand, so that only the near side is measured.

It checks nothing and answers at once. Every owner has the same rows, in pages of 100.
"""

import asyncio
import json
import sys

from aiohttp import web

PAGE = 100
PATH = "/api/v5/wallet/security/approvals"


def rendered(approvals: int) -> dict[str, bytes]:
    """The pages by the cursor that asks for them; "" for the first."""
    pages = {}
    for start in range(0, approvals, PAGE):
        rows = range(start, min(start + PAGE, approvals))
        projects = [
            {
                "projectName": f"Project {row % 9}",
                "projectIcon": "https://static.example/icon.png",
                "approvalAddress": f"0x{row % 9 + 1:040x}",
                "tokens": [
                    {
                        "approvalNum": str(2**256 - 1 if row % 5 == 0 else 10**18 + row),
                        "imageUrl": "https://static.example/token.png",
                        "symbol": f"TKN{row}",
                        "status": "1",
                        "tokenAddress": f"0x{row + 1000:040x}",
                    }
                ],
            }
            for row in rows
        ]
        end = start + PAGE >= approvals
        entry = {"cursor": "" if end else str(start + PAGE), "chainIndex": "1", "approvalProjects": projects}
        pages[str(start) if start else ""] = json.dumps({"code": "0", "msg": "", "data": [entry]}).encode()
    return pages


async def serve(approvals: int) -> None:
    """Listen on a free port of loopback, print it, and serve until killed."""
    pages = rendered(approvals)

    async def answer(request: web.Request) -> web.Response:
        asked = await request.json()
        return web.Response(body=pages[asked.get("cursor", "")], content_type="application/json")

    app = web.Application()
    app.router.add_post(PATH, answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
