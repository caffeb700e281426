"""Carries out commands on a connection: one alone as it is, several as pipelines without MULTI.

Pipelines are cut into chunks, so that a long list neither fills the server's output buffer nor
keeps others waiting.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import redis
import redis.asyncio

from pm.client.plan import Answer, Command, Plan

CHUNK_COMMANDS = 500


def execute(server: redis.Redis, commands: Sequence[Command]) -> Sequence[Any]:
    """The replies to commands, in their order."""
    untyped: Any = server
    if len(commands) == 1:
        return [untyped.execute_command(*commands[0])]
    replies: list[Any] = []
    for start in range(0, len(commands), CHUNK_COMMANDS):
        pipeline = untyped.pipeline(transaction=False)
        for command in commands[start : start + CHUNK_COMMANDS]:
            pipeline.execute_command(*command)
        replies += pipeline.execute()
    return replies


async def execute_async(server: redis.asyncio.Redis, commands: Sequence[Command]) -> Sequence[Any]:
    """The replies to commands, in their order."""
    untyped: Any = server
    if len(commands) == 1:
        return [await untyped.execute_command(*commands[0])]
    replies: list[Any] = []
    for start in range(0, len(commands), CHUNK_COMMANDS):
        pipeline = untyped.pipeline(transaction=False)
        for command in commands[start : start + CHUNK_COMMANDS]:
            pipeline.execute_command(*command)
        replies += await pipeline.execute()
    return replies


def carry_out(ask: Callable[[Sequence[Command]], Sequence[Any]], plan: Plan[Answer]) -> Answer:
    """The answer of a plan whose commands `ask` carries out."""
    try:
        commands = next(plan)
        while True:
            commands = plan.send(ask(commands))
    except StopIteration as done:
        answer: Answer = done.value
        return answer


async def carry_out_async(
    ask: Callable[[Sequence[Command]], Awaitable[Sequence[Any]]], plan: Plan[Answer]
) -> Answer:
    """The answer of a plan whose commands `ask` carries out."""
    # A StopIteration may not leave a coroutine, so it is caught where it arises.
    commands = next(plan)
    while True:
        replies = await ask(commands)
        try:
            commands = plan.send(replies)
        except StopIteration as done:
            answer: Answer = done.value
            return answer
