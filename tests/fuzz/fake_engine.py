"""Stands in for the engine's process: the same messages, and a transcript that is a digest of the audio.

So the right text of every file is known, whatever has happened to it, and an engine is there in a moment.
Started like the real one, with the number of its socket; what it transcribes goes into the file named by FUZZ_HEARD.
"""

import hashlib
import sys
import time
from multiprocessing.connection import Connection

from watcherd.engine.messages import Failed, Finished, LoadModel, ModelLoaded, Shutdown, Transcribe
from watcherd.errors import RecordingChangedError
from watcherd.transcript import Segment, Transcript

ID3_HEADER_BYTES = 10
WORK_S = 0.02


def audio_of(data: bytes) -> bytes:
    """The file without a leading ID3 tag, whose size stands in four bytes of seven bits each."""
    if data[:3] != b"ID3":
        return data
    size = 0
    for byte in data[6:ID3_HEADER_BYTES]:
        size = size << 7 | byte
    return data[ID3_HEADER_BYTES + size :]


def text_of(data: bytes) -> str:
    """What is "said" in a file of these bytes."""
    return f"digest {hashlib.sha256(audio_of(data)).hexdigest()[:20]}"


def main() -> None:
    """Answer until the socket closes."""
    connection: Connection = Connection(int(sys.argv[1]))
    while True:
        try:
            message = connection.recv()
        except EOFError:
            return
        if isinstance(message, Shutdown):
            return
        if isinstance(message, LoadModel):
            connection.send(ModelLoaded(message.model_id, "fake", "cpu", "CPU", "float32", 1, 0.0))
        elif isinstance(message, Transcribe):
            connection.send(_transcribe(message))


def _transcribe(order: Transcribe) -> Finished | Failed:
    try:
        data = order.path.read_bytes()
    except FileNotFoundError:
        return Failed(order.job, RecordingChangedError("it is gone", path=order.path))
    time.sleep(WORK_S)
    return Finished(order.job, Transcript("en", 1000, (Segment(0, 1000, text_of(data)),)), WORK_S)


if __name__ == "__main__":
    main()
