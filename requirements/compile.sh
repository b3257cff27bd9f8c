#!/usr/bin/env bash
# Pins the dependencies of pyproject.toml, for every platform at once, with hashes and without any
# index address: agent.txt for endpoints, server.txt for servers, dev.txt for both and the tools,
# bundle.txt for what builds the agent for Windows and macOS.
set -euo pipefail
uv=$1
compile() {
  "$uv" pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate \
    --python-version 3.11 --custom-compile-command "make requirements" \
    -o "requirements/$1.txt" "${@:2}" pyproject.toml
}
compile agent --extra agent
compile server --extra server
compile dev --extra agent --extra server --extra dev
compile bundle --extra agent --extra bundle --constraint requirements/dev.txt
