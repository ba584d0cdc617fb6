"""A pipeline as the file of GitLab CI."""

from __future__ import annotations

from collections.abc import Iterator

from cogsmith.pipeline.pipeline import Pipeline, Setting, Written
from cogsmith.pipeline.template import whole

__all__ = ["gitlab"]

PATH = ".gitlab-ci.yml"

# What a job leaves lies in .cog, which no image takes in.
TEMPLATE = """\
# At each push: check, test, build, push, deploy. No Docker engine is needed.
# Begun by `cogsmith ci init gitlab`; it is yours now.
stages: [model, deploy, promote]  #? deployed
stages: [model]  #? !deployed

workflow:
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
      variables:
        TAG: mr-$CI_MERGE_REQUEST_IID
    - if: $CI_COMMIT_BRANCH == "<branch>"
      variables:
        TAG: $CI_COMMIT_SHA

variables:
  IMAGE: $CI_REGISTRY_IMAGE  #? own
  IMAGE: <image>  #? !own
  COGSMITH_LOCKED: "1" # the packages of pylock.toml, or none  #? locked
  COGSMITH_CACHE_DIR: $CI_PROJECT_DIR/.cog/cache
  UV_CACHE_DIR: $CI_PROJECT_DIR/.cog/uv
  PIP_CACHE_DIR: $CI_PROJECT_DIR/.cog/pip

default:
  image: python:3.12-slim
  before_script:
    - pip install --quiet cogsmith==<version>
    - echo "$<token>" | cogsmith login "<registry>" -u "$<user>" --password-stdin

model:
  stage: model
  timeout: 1 hour
  interruptible: true # a newer push to a merge request ends it
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH == "<branch>"
      interruptible: false
  parallel:  #? several
    matrix: # an entry for each that `cogsmith models -q` prints  #? several
      - { MODEL: "<model>", UNDER: "<path>" }  #? several !weights model
      - { MODEL: "<model>", UNDER: "<path>", WEIGHTS: "<weights>" }  #? several weights model
  cache:
    key: cogsmith<suffix>
    paths: [.cog/cache, .cog/uv, .cog/pip]
    when: always
  script:
    - mkdir -p .cog
    - |
      case "$CI_MERGE_REQUEST_TITLE $CI_COMMIT_MESSAGE" in
        *breaking*) set -- --allow-breaking ;; # callers may be broken by it, it says
        *) set -- ;;
      esac
      if cogsmith inspect --remote "$IMAGE<under>:latest" > /dev/null 2>&1; then
        cogsmith check<name> --remote --against "$IMAGE<under>:latest" "$@"
      else
        cogsmith check<name> # nothing was pushed yet
      fi
    - cogsmith weights pull --image "$IMAGE"  #? weights !several
    - |  #? weights several
      if [ "$WEIGHTS" = true ]; then  #? weights several
        cogsmith weights pull -f "$MODEL" --image "$IMAGE$UNDER"  #? weights several
      fi  #? weights several
    - cogsmith test<name> --junit .cog/report.xml  #? cases
    # Made-up inputs, refused with a code at most; better are cases: tests/*.yaml  #? !cases
    - cogsmith test<name> --fuzz 20 --allow-error '^E[0-9]{4}' --junit .cog/report.xml  #? !cases
    - cogsmith build<name> -t "$IMAGE<under>:$TAG"
    - digest=$(cogsmith push<name> -t "$IMAGE<under>:$TAG")
    - echo "$digest" > ".cog/digest<suffix>"
    - |
      if [ "$CI_COMMIT_BRANCH" = "<branch>" ]; then
        cogsmith push<name> -t "$IMAGE<under>:latest"
      fi
    - cogsmith prune
  artifacts:
    when: always
    paths: [".cog/digest<suffix>"]
    reports:
      junit: .cog/report.xml
"""

ROLLOUT = """
<job>:
  stage: <job>
  timeout: 90 minutes
  rules:
    - if: $CI_COMMIT_BRANCH == "<branch>"
      when: manual  #? production
      allow_failure: true # the pipeline does not wait for it  #? production
  needs: [<needs>]
  environment: <environment>
  resource_group: <environment>  #? !several
  resource_group: <environment>-$MODEL  #? several
  parallel:  #? several
    matrix:  #? several
      - { MODEL: "<model>", UNDER: "<path>", TARGET: <target>, FILE: "<file>" }  #? several rollout
  script:
    - apt-get update -qq  #? docker
    - apt-get install -y -qq docker-cli docker-compose ssh > /dev/null  #? docker
    - install -m 700 -d ~/.ssh && cp "$SSH_KNOWN_HOSTS" ~/.ssh/known_hosts  #? docker
    - install -m 600 "$SSH_KEY" ~/.ssh/id_ed25519  #? docker
    - apt-get update -qq  #? kubernetes !docker
    - apt-get install -y -qq kubernetes-client > /dev/null  #? kubernetes
    - digest=$(cat ".cog/digest<suffix>")
    - cogsmith deploy apply -f <file> -t <target> --model "$IMAGE@$digest"  #? !several
    - cogsmith deploy apply -f "$FILE" -t "$TARGET" --model "$IMAGE$UNDER@$digest"  #? several
"""


def gitlab(pipeline: Pipeline) -> Written:
    """The file of GitLab CI, and what has to be set in the project's settings."""
    text = whole((TEMPLATE, ROLLOUT), pipeline, _words(pipeline), promoted_after="model, deploy")
    return Written(PATH, text, tuple(_settings(pipeline)))


def _words(pipeline: Pipeline) -> dict[str, str]:
    several, other = pipeline.several, bool(pipeline.image)
    return {
        "registry": pipeline.registry or "$CI_REGISTRY",
        "user": "REGISTRY_USER" if other else "CI_REGISTRY_USER",
        "token": "REGISTRY_TOKEN" if other else "CI_REGISTRY_PASSWORD",
        "under": "$UNDER" if several else "",
        "suffix": "-$MODEL" if several else "",
        "name": ' "$MODEL"' if several else "",
    }


def _settings(pipeline: Pipeline) -> Iterator[Setting]:
    if pipeline.image:
        yield Setting("variable", "REGISTRY_USER", f"who pushes to {pipeline.registry}")
        yield Setting("secret", "REGISTRY_TOKEN", "the password, or a token in its place (masked)")
    if "docker" in pipeline.reaches:
        yield Setting("variable", "DOCKER_HOST", "for each environment: ssh://deploy@host")
        yield Setting("variable", "SSH_KNOWN_HOSTS", "what `ssh-keyscan host` prints (a file)")
        yield Setting("secret", "SSH_KEY", "for each environment: the private key (a file)")
    if "kubernetes" in pipeline.reaches:
        yield Setting("secret", "KUBECONFIG", "for each environment: the file, as a file variable")
