"""What the model reads: the transcript with the truth of this moment."""

from __future__ import annotations

from dataclasses import replace

from .calls import answer, reference
from .messages import Message
from .state import State

__all__ = ["messages", "turn_texts"]


def messages(state: State) -> tuple[Message, ...]:
    """The messages of the next request.

    Each call is answered right after the message that made it, in the order asked, however
    they finished; a promise that was kept or broken since reads as what became of it, and so does
    a picture that was drawn again.
    """
    said: list[Message] = []
    calls = {call.key: call for call in state.calls}
    again = {call.redraws: call for call in state.calls if call.redraws and call.drawn}
    for entry in state.entries:
        message = entry.message
        if entry.pictures:
            attached = ", ".join(reference(number) for number in entry.pictures)
            message = replace(message, text=f"{message.text}\n\n(Attached pictures: {attached})")
        said.append(message)
        for key in entry.call_keys:
            call = calls[key]
            if call.outcome is None and call.number is None:
                # Not looked at yet, or its caller's to answer: nothing is true of it at this moment.
                continue
            shown = again.get(call.number, call) if call.number is not None else call
            said.append(Message("tool", answer(shown), call_id=call.id))
    return tuple(said)


def turn_texts(state: State) -> tuple[tuple[int, str], ...]:
    """What the model said in the current turn: (round, text) in order, empty texts left out.

    The last one may be the beginning of a reply that nobody waited for.
    """
    own = state.entries[state.turns[-1] :] if state.turns else ()
    texts = [entry.message.text for entry in own if entry.message.role == "assistant"]
    return tuple((number, text) for number, text in enumerate((*texts, state.interrupted), start=1) if text)
