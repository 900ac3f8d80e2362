#!/bin/sh
# A worker process that does what the file `commands` beside it says, after leaving its process id there.
cd "$(dirname "$0")" || exit
echo $$ >> pids
. ./commands
