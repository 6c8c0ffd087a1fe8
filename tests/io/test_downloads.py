import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest

from pneumo.data.dataset import DataError
from pneumo.io.downloads import BLOCK_BYTES, download

CONTENT = np.random.default_rng(0).integers(0, 256, 1_000_000, dtype=np.uint8).tobytes()
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()


@dataclass
class Publisher:
    """A server of one file on this machine.

    ranges: whether it can send a part. cuts: after how many bytes it breaks off, one a request, then never again.
    status: answered to the first requests instead. asked: the Range header of every request.
    """

    content: bytes = CONTENT
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)
    url: str = ""


class Answer(BaseHTTPRequestHandler):
    def __init__(self, publisher: Publisher, *arguments: object) -> None:
        self.publisher = publisher
        super().__init__(*arguments)

    def do_GET(self) -> None:
        publisher = self.publisher
        asked = self.headers["Range"]
        publisher.asked.append(asked)
        if publisher.status:
            self.send_error(publisher.status.pop(0))
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and publisher.ranges else 0
        total = len(publisher.content)
        if start >= total:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{total}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.send_header("Content-Length", str(total - start))
        self.end_headers()
        sent = publisher.cuts.pop(0) if publisher.cuts else total
        self.wfile.write(publisher.content[start : start + sent])

    def log_message(self, *arguments: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    publisher = Publisher()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Answer, publisher))
    publisher.url = f"http://127.0.0.1:{server.server_port}/lungs.zip"
    thread = Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    yield publisher
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def fetch(publisher, tmp_path):
    return partial(download, publisher.url, tmp_path / "data" / "lungs.zip", progress=False, pause=0)


def names(path):
    """Files in a folder, lock files apart."""
    return sorted(file.name for file in path.iterdir() if not file.name.startswith("."))


def test_file_arrives_whole_and_alone(fetch):
    path = fetch(checksum=MD5)
    assert path.read_bytes() == CONTENT
    assert names(path.parent) == ["lungs.zip"]


def test_file_that_is_there_is_not_asked_for(fetch, publisher):
    fetch(checksum=MD5)
    fetch(checksum=MD5)
    assert len(publisher.asked) == 1


def test_broken_connection_is_resumed_where_it_broke(fetch, publisher):
    publisher.cuts = [20 * BLOCK_BYTES, 10 * BLOCK_BYTES]
    assert fetch(checksum=MD5).read_bytes() == CONTENT
    assert publisher.asked == [None, f"bytes={20 * BLOCK_BYTES}-", f"bytes={30 * BLOCK_BYTES}-"]


def test_download_of_an_earlier_start_is_resumed(fetch, publisher, tmp_path):
    part = tmp_path / "data" / "lungs.zip.part"
    part.parent.mkdir()
    part.write_bytes(CONTENT[:700_000])
    assert fetch(checksum=MD5).read_bytes() == CONTENT
    assert publisher.asked == ["bytes=700000-"]


def test_part_that_is_whole_is_finished(fetch, publisher, tmp_path):
    part = tmp_path / "data" / "lungs.zip.part"
    part.parent.mkdir()
    part.write_bytes(CONTENT)
    assert fetch(checksum=MD5).read_bytes() == CONTENT


def test_part_longer_than_the_file_is_started_again(fetch, publisher, tmp_path):
    part = tmp_path / "data" / "lungs.zip.part"
    part.parent.mkdir()
    part.write_bytes(CONTENT + b"more")
    assert fetch(checksum=MD5).read_bytes() == CONTENT


def test_server_without_ranges_starts_again(fetch, publisher):
    publisher.ranges = False
    publisher.cuts = [20 * BLOCK_BYTES]
    assert fetch(checksum=MD5).read_bytes() == CONTENT
    assert publisher.asked == [None, f"bytes={20 * BLOCK_BYTES}-"]


def test_server_that_is_busy_is_asked_again(fetch, publisher):
    publisher.status = [503, 429]
    assert fetch(checksum=MD5).read_bytes() == CONTENT


def test_connection_that_never_gets_on_is_given_up_and_what_came_is_kept(fetch, publisher, tmp_path):
    publisher.cuts = [20 * BLOCK_BYTES, 0, 0, 0, 0, 0]
    with pytest.raises(DataError, match=r"Try again to go on from the 327,680 bytes .* save it as .*lungs\.zip$"):
        fetch(checksum=MD5)
    assert (tmp_path / "data" / "lungs.zip.part").read_bytes() == CONTENT[:327_680]
    assert fetch(checksum=MD5).read_bytes() == CONTENT


def test_page_that_does_not_exist_is_not_asked_for_again(fetch, publisher):
    publisher.status = [404]
    with pytest.raises(DataError, match=r"lungs\.zip cannot be downloaded \(404 .* in a browser"):
        fetch()
    assert len(publisher.asked) == 1


def test_server_that_does_not_answer_is_named(tmp_path):
    with pytest.raises(DataError, match=r"http://127\.0\.0\.1:9/lungs\.zip cannot be downloaded"):
        download("http://127.0.0.1:9/lungs.zip", tmp_path / "lungs.zip", progress=False, pause=0)


def test_wrong_checksum_is_refused_and_the_next_start_begins_anew(fetch, publisher, tmp_path):
    publisher.content = b"a proxy's error page"
    with pytest.raises(DataError, match=rf"its md5 is \w+, not {MD5[4:]}; try again"):
        fetch(checksum=MD5)
    assert names(tmp_path / "data") == []
    publisher.content = CONTENT
    assert fetch(checksum=MD5).read_bytes() == CONTENT


def test_file_of_the_users_own_is_neither_used_nor_removed(fetch, publisher, tmp_path):
    own = tmp_path / "data" / "lungs.zip"
    own.parent.mkdir()
    own.write_bytes(b"mine")
    with pytest.raises(DataError, match=r"not the publisher's file: .* left as it is; move it away"):
        fetch(checksum=MD5)
    assert own.read_bytes() == b"mine"
    assert publisher.asked == []


def test_check_takes_the_place_of_a_checksum(fetch, tmp_path):
    def refuse(path):
        raise DataError("it has 3 images")

    with pytest.raises(DataError, match="it has 3 images"):
        fetch(check=refuse)
    assert names(tmp_path / "data") == []


def test_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file/data cannot be written .*; name another folder"):
        download("http://127.0.0.1:9/lungs.zip", tmp_path / "file" / "data" / "lungs.zip")
