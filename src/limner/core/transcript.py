"""What the model reads: the transcript with the truth of this moment."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace

from .calls import Call, answer, reference
from .identity import same
from .messages import Message
from .state import Entry, State

__all__ = ["Transcript", "messages", "turn_texts"]


class Transcript:
    """The messages of one conversation, from request to request; only turns that have changed are told again.

    What stayed the same is the same object, by which others know it.
    """

    def __init__(self) -> None:
        self._entries: tuple[Entry, ...] = ()
        self._calls: tuple[Call, ...] = ()
        self._messages: list[Message] = []
        self._starts: list[int] = []
        """For each entry the place of its message."""

    def messages(self, state: State) -> tuple[Message, ...]:
        """The messages of the next request.

        Each call is answered right after the message that made it, in the order asked, however
        they finished; a promise that was kept or broken since reads as what became of it, and so does
        a picture that was drawn again.
        """
        first = self._first_changed(state)
        start = self._starts[first] if first < len(self._starts) else len(self._messages)
        before = self._messages[start:]
        del self._messages[start:], self._starts[first:]
        self._tell(state, first)
        for at, was in enumerate(before, start=start):
            if at < len(self._messages) and was == self._messages[at] and was.given is None:
                self._messages[at] = was
        self._entries, self._calls = state.entries, state.calls
        return tuple(self._messages)

    def _first_changed(self, state: State) -> int:
        """The first entry that is another one, or is of the first turn with a call that is."""
        entry = same(self._entries, state.entries)
        call = same(self._calls, state.calls)
        changed = (*self._calls[call:], *state.calls[call:])
        # Those of pictures that are drawn again stand behind later turns', and belong to the first one's.
        turn = min((each.turn for each in changed), default=len(state.turns) + 1)
        return min([entry, *state.turns[turn - 1 : turn]])

    def _tell(self, state: State, first: int) -> None:
        turn = bisect_right(state.turns, first)
        told = [call for call in state.calls if call.turn >= turn]
        calls = {call.key: call for call in told}
        again = {call.redraws: call for call in told if call.redraws and call.drawn}
        for entry in state.entries[first:]:
            self._starts.append(len(self._messages))
            message = entry.message
            if entry.pictures:
                attached = ", ".join(reference(number) for number in entry.pictures)
                message = replace(message, text=f"{message.text}\n\n(Attached pictures: {attached})")
            self._messages.append(message)
            for key in entry.call_keys:
                call = calls[key]
                if call.outcome is None and call.number is None:
                    # Not looked at yet, or its caller's to answer: nothing is true of it at this moment.
                    continue
                shown = again.get(call.number, call) if call.number is not None else call
                self._messages.append(Message("tool", answer(shown), call_id=call.id))


def messages(state: State) -> tuple[Message, ...]:
    """The messages of the next request, as `Transcript.messages`."""
    return Transcript().messages(state)


def turn_texts(state: State) -> tuple[tuple[int, str], ...]:
    """What the model said in the current turn: (round, text) in order, empty texts left out.

    The last one may be the beginning of a reply that nobody waited for.
    """
    own = state.entries[state.turns[-1] :] if state.turns else ()
    texts = [entry.message.text for entry in own if entry.message.role == "assistant"]
    return tuple((number, text) for number, text in enumerate((*texts, state.interrupted), start=1) if text)
