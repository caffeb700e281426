"""What to change where a server does not answer, or answers with a refusal."""

from __future__ import annotations

from redis import exceptions


def remedy_for(error: BaseException, setting: str) -> str:
    """The remedy for an error of redis-py or of the socket below it; `setting` names the server."""
    match error:
        case exceptions.AuthenticationError():
            return f"correct user and password in {setting}"
        case exceptions.NoPermissionError():
            return "give the user the rights that config/users.acl lists"
        case exceptions.BusyLoadingError():
            return "wait until it has loaded its data"
    return f"start it, or correct {setting}"
