"""An object store of the tests' own: what speaks S3 finds it by the variables that clients of S3 know."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import fsspec

from support.dev import free_port


@contextmanager
def a_bucket() -> Iterator[str]:
    """The URL of an empty bucket on a server of this process."""
    from moto.server import ThreadedMotoServer  # takes a second to import

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port(), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environ = {
        "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    try:
        with patch.dict(os.environ, environ):
            name = f"partita-{uuid.uuid4().hex}"  # servers of one process share their buckets
            fsspec.filesystem("s3", skip_instance_cache=True).mkdir(name)
            yield f"s3://{name}"
            fsspec.filesystem("s3").clear_instance_cache()
    finally:
        server.stop()
