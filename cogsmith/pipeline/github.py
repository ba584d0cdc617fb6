"""A pipeline as a workflow of GitHub Actions."""

from __future__ import annotations

from collections.abc import Iterator

from cogsmith.pipeline.pipeline import Pipeline, Setting, Written
from cogsmith.pipeline.template import whole

__all__ = ["github"]

PATH = ".github/workflows/models.yml"

# A job is cancelled by a newer one of its group only for a pull request: a rollout is never cut
# off. `promote` is in no group, as a run that waits for approval would hold up all later ones.
TEMPLATE = """\
# At each push: check, test, build, push, deploy. No Docker engine is needed.
# Begun by `cogsmith ci init github`; it is yours now.
name: models

on:
  push:
    branches: [<branch>]
  pull_request:

permissions:
  contents: read

env:
  COGSMITH: cogsmith==<version>
  COGSMITH_LOCKED: "1" # the packages of pylock.toml, or none  #? locked

jobs:
  model:
    runs-on: ubuntu-latest
    timeout-minutes: 60
    permissions:
      contents: read
      packages: write  #? own
    concurrency:
      group: model-${{ github.ref }}  #? !several
      group: model-${{ matrix.name }}-${{ github.ref }}  #? several
      cancel-in-progress: ${{ github.event_name == 'pull_request' }}
    strategy:  #? several
      fail-fast: false  #? several
      matrix:  #? several
        include: # a line for each that `cogsmith models -q` prints  #? several
          - { name: <model>, path: "<path>" }  #? several !weights model
          - { name: <model>, path: "<path>", weights: <weights> }  #? several weights model
    outputs:  #? deployed !several
      digest: ${{ steps.push.outputs.digest }}  #? deployed !several
    env:
      MODEL: ${{ matrix.name }}  #? several
      IMAGE: <image><under>  #? !own
      TAG: ${{ github.event.number && format('pr-{0}', github.event.number) || github.sha }}
    steps:
      - uses: actions/checkout@v6
        with:
          persist-credentials: false
      - uses: actions/setup-python@v6
        with:
          python-version: "3.12"
      - uses: actions/cache@v5
        with:
          path: |
            ~/.cache/uv
            ~/.cache/cogsmith
          key: cogsmith-<key>${{ hashFiles('cog*.yaml', 'pylock*.toml', '**/requirements*.txt') }}
          restore-keys: cogsmith-<key>
      - name: Install
        run: |
          pip install "$COGSMITH"
          echo "IMAGE=ghcr.io/${GITHUB_REPOSITORY,,}<under>" >> "$GITHUB_ENV"  #? own
      - name: Log in
        if: ${{ !github.event.pull_request.head.repo.fork }}  #? !own
        run: echo "$TOKEN" | cogsmith login <registry> -u "$USER_NAME" --password-stdin
        env:
          USER_NAME: <user>
          TOKEN: <token>
      - name: Check
        run: |
          case "$SUBJECT" in
            *breaking*) set -- --allow-breaking ;; # callers may be broken by it, it says
          esac
          if cogsmith inspect --remote "$IMAGE:latest" > /dev/null 2>&1; then
            cogsmith check<name> --remote --against "$IMAGE:latest" "$@"
          else
            cogsmith check<name> # nothing was pushed yet
          fi
        env:
          SUBJECT: ${{ github.event.pull_request.title || github.event.head_commit.message }}
      - name: Weights  #? weights
        if: matrix.weights  #? weights several
        run: cogsmith weights pull -f "$MODEL" --image "$IMAGE"  #? weights several
        run: cogsmith weights pull --image "$IMAGE"  #? weights !several
      - name: Test
        run: cogsmith test<name>  #? cases
        # Made-up inputs, refused with a code at most; better are cases: tests/*.yaml  #? !cases
        run: cogsmith test<name> --fuzz 20 --allow-error '^E[0-9]{4}'  #? !cases
      - name: Build
        run: cogsmith build<name> -t "$IMAGE:$TAG" --no-load
      - name: Push
        id: push
        if: ${{ !github.event.pull_request.head.repo.fork }}
        run: |
          digest=$(cogsmith push<name> -t "$IMAGE:$TAG")
          echo "digest=$digest" >> "$GITHUB_OUTPUT"
          echo "    docker run --rm -p 5000:5000 $IMAGE:$TAG # $digest" >> "$GITHUB_STEP_SUMMARY"
      - name: Name it latest
        if: github.ref == 'refs/heads/<branch>'
        run: cogsmith push<name> -t "$IMAGE:latest"
      - name: Keep the cache small
        run: cogsmith prune
"""

ROLLOUT = """
  <job>:
    needs: <needs>
    if: github.ref == 'refs/heads/<branch>'
    runs-on: ubuntu-latest
    timeout-minutes: 90
    permissions:
      contents: read
      packages: read  #? own
    environment: <environment>
    concurrency: <environment>  #? staging !several
    concurrency: <environment>-${{ matrix.name }}  #? staging several
    strategy:  #? several
      fail-fast: false  #? several
      matrix:  #? several
        include:  #? several
          - { name: <model>, path: "<path>", target: <target>, file: <file> }  #? several rollout
    env:  #? !own
      IMAGE: <image><under>  #? !own
    steps:
      - uses: actions/checkout@v6
        with:
          persist-credentials: false
      - uses: actions/setup-python@v6
        with:
          python-version: "3.12"
      - name: Install
        run: |
          pip install "$COGSMITH"
          echo "IMAGE=ghcr.io/${GITHUB_REPOSITORY,,}<under>" >> "$GITHUB_ENV"  #? own
      - name: Log in
        run: echo "$TOKEN" | cogsmith login <registry> -u "$USER_NAME" --password-stdin
        env:
          USER_NAME: <user>
          TOKEN: <token>
      - name: Reach the engine  #? docker
        run: |  #? docker
          install -m 700 -d ~/.ssh  #? docker
          echo "$SSH_KNOWN_HOSTS" > ~/.ssh/known_hosts  #? docker
          install -m 600 /dev/stdin ~/.ssh/id_ed25519 <<< "$SSH_KEY"  #? docker
        env:  #? docker
          SSH_KNOWN_HOSTS: ${{ vars.SSH_KNOWN_HOSTS }}  #? docker
          SSH_KEY: ${{ secrets.SSH_KEY }}  #? docker
      - name: Reach the cluster  #? kubernetes
        run: install -m 600 -D /dev/stdin ~/.kube/config <<< "$KUBECONFIG_TEXT"  #? kubernetes
        env:  #? kubernetes
          KUBECONFIG_TEXT: ${{ secrets.KUBECONFIG }}  #? kubernetes
      - name: Deploy
        run: cogsmith deploy apply -f <file> -t <target> --model "$IMAGE@$DIGEST"  #? !several
        run: cogsmith deploy apply -f "$FILE" -t "$TARGET" --model "$IMAGE:$GITHUB_SHA"  #? several
        env:
          DIGEST: ${{ needs.model.outputs.digest }}  #? !several
          FILE: ${{ matrix.file }}  #? several
          TARGET: ${{ matrix.target }}  #? several
          DOCKER_HOST: ${{ vars.DOCKER_HOST }}  #? docker
"""


def github(pipeline: Pipeline) -> Written:
    """The workflow, and what has to be set in the repository's settings."""
    text = whole((TEMPLATE, ROLLOUT), pipeline, _words(pipeline), promoted_after="[model, deploy]")
    return Written(PATH, text, tuple(_settings(pipeline)))


def _words(pipeline: Pipeline) -> dict[str, str]:
    several, other = pipeline.several, bool(pipeline.image)
    return {
        "registry": pipeline.registry or "ghcr.io",
        "user": "${{ vars.REGISTRY_USER }}" if other else "${{ github.actor }}",
        "token": "${{ secrets.REGISTRY_TOKEN }}" if other else "${{ github.token }}",
        "under": "${{ matrix.path }}" if several else "",
        "key": "${{ matrix.name }}-" if several else "",
        "name": ' "$MODEL"' if several else "",
    }


def _settings(pipeline: Pipeline) -> Iterator[Setting]:
    if pipeline.image:
        yield Setting("variable", "REGISTRY_USER", f"who pushes to {pipeline.registry}")
        yield Setting("secret", "REGISTRY_TOKEN", "the password, or a token in its place")
    if pipeline.deployed:
        yield Setting("environment", "staging", "where each push is deployed")
        told = "with required reviewers; without them it is deployed unasked"
        yield Setting("environment", "production", told)
    if "docker" in pipeline.reaches:
        yield Setting("variable", "DOCKER_HOST", "in each environment: ssh://deploy@host")
        yield Setting("variable", "SSH_KNOWN_HOSTS", "what `ssh-keyscan host` prints")
        yield Setting("secret", "SSH_KEY", "in each environment: the private key")
    if "kubernetes" in pipeline.reaches:
        yield Setting("secret", "KUBECONFIG", "in each environment: the file's text")
