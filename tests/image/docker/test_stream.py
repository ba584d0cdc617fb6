"""What builders write, and what of it is for people."""

from __future__ import annotations

import pytest

from cogsmith.config import ModelConfig
from cogsmith.image.docker.dockerfile import above_packages
from cogsmith.image.docker.stream import Stream

COMMANDS = ["echo one", "echo two; exit 3"]
STAGE = above_packages(ModelConfig.model_validate({"build": {"run": COMMANDS}}), "/opt/venv")

KIT = """\
#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 210B 0.0s done
#4 [1/3] FROM localhost/cogsmith/build:x
#4 CACHED
#5 [2/3] RUN echo one
#5 sha256:d955f4b4ec2c67da98c8cf163ca47767b8b1b7d2b4bba517bb4e22057bc481ba
#5 0.336 one
#5 DONE 1.7s
#6 [stage-0 3/3] RUN echo two; exit 3
#6 0.500 two
#6 0.501
#6 ERROR: executor failed running [/bin/sh -c echo two; exit 3]: exit code: 3
------
 > [3/3] RUN echo two; exit 3:
#6 0.500 two
------
executor failed running [/bin/sh -c echo two; exit 3]: exit code: 3
"""
CLASSIC = """\
DEPRECATED: The legacy builder is deprecated and will be removed in a future release.
            BuildKit is currently disabled; enable it by removing the DOCKER_BUILDKIT=0
Sending build context to Docker daemon  1.583kB
Step 1/4 : FROM localhost/cogsmith/build:x
 ---> 559b6f5129cc
Step 2/4 : ENV X="1"
 ---> Running in 1ba3c53d1e3f
Removing intermediate container 1ba3c53d1e3f
 ---> 7ce04f0ab179
Step 3/4 : RUN echo one
 ---> Running in 37d517ae570b
one
Removing intermediate container 37d517ae570b
 ---> 7ce04f0ab180
Step 4/4 : RUN echo two; exit 3
 ---> Running in 37d517ae570c
two
Removing intermediate container 37d517ae570c
The command '/bin/sh -c echo two; exit 3' returned a non-zero code: 3
"""
BUILDAH = """\
STEP 1/4: FROM localhost/cogsmith/build:x
STEP 2/4: USER root
STEP 3/4: RUN echo one
one
STEP 4/4: RUN echo two; exit 3
two
subprocess exited with status 3
Error: building at STEP "RUN echo two; exit 3": exit status 3
"""


@pytest.mark.parametrize(
    ("text", "buildkit"), [(KIT, True), (CLASSIC, False), (BUILDAH, False)],
    ids=["buildkit", "classic", "buildah"],
)  # fmt: skip
def test_steps_and_what_they_say_is_told_and_the_failed_one_is_named(
    text: str, buildkit: bool
) -> None:
    stream = Stream(stage=STAGE, buildkit=buildkit)
    told = [said for line in text.splitlines() if (said := stream.hear(line))]
    assert told[:4] == ["RUN echo one", "  one", "RUN echo two; exit 3", "  two"]
    error = stream.failure(text, "cog.yaml")
    assert error.code == "build_step"
    assert error.where == "cog.yaml: build.run"
    assert error.message.splitlines()[:2] == [
        "a command ended with exit code 3: RUN echo two; exit 3", "two",
    ]  # fmt: skip


def test_of_the_classic_builder_s_images_the_last_is_known() -> None:
    stream = Stream(stage=STAGE, buildkit=False)
    for line in CLASSIC.splitlines():
        stream.hear(line)
    assert stream.images[-1] == "7ce04f0ab180"


def test_of_a_long_step_the_last_lines_are_kept() -> None:
    stream = Stream(stage=STAGE, buildkit=True)
    stream.hear("#5 [2/3] RUN echo one")
    for number in range(100):
        stream.hear(f"#5 0.1 line {number}")
    said = stream.failure("exit code: 1", "cog.yaml").message.splitlines()[1:]
    assert said == [f"line {number}" for number in range(80, 100)]


def test_an_engine_that_did_not_begin_is_quoted() -> None:
    error = Stream(stage=STAGE, buildkit=True).failure("no space left on device", "cog.yaml")
    assert error.code == "build"
    assert "no space left on device" in error.message


def test_a_step_that_reaches_no_network_is_told_of_the_option() -> None:
    stream = Stream(stage=STAGE, buildkit=True)
    stream.hear("#5 [2/3] RUN echo one")
    stream.hear("#5 9.1 Temporary failure resolving 'deb.debian.org'")
    assert "--network host" in stream.failure("exit code: 100", "cog.yaml").hint
