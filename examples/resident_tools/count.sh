#!/bin/sh
# count.sh [--stream] [--first-event N] [--n-events N] WORD LOG
# Counts the lines that hold a word; a line of the log is an event.
# With --stream it takes event ranges from standard input until there are no more: docs/event-streams.md.
set -eu

stream= first=0 count=
while :; do
    case $1 in
        --stream) stream=yes; shift ;;
        --first-event) first=$2; shift 2 ;;
        --n-events) count=$2; shift 2 ;;
        *) break ;;
    esac
done
word=$1 log=$2

count() {  # FIRST STOP: the lines that hold the word
    sed -n "$(($1 + 1)),${2}p" "$log" | grep -c -w -e "$word" || true
}

value() {  # NAME: its value in the line that was read
    printf '%s\n' "$line" | sed -n "s/.*\"$1\":\"*\([^\",}]*\).*/\1/p"
}

if [ -z "$stream" ]; then
    [ -n "$count" ] || count=$(($(wc -l < "$log") - first))
    count "$first" $((first + count)) > count.txt
    exit
fi

echo '{"type":"ready"}'
echo '{"type":"get"}'
while read -r line; do
    case $line in
        *'"type":"ranges"'*)
            range=$(value range) first=$(value first) stop=$(value stop) outdir=$(value outdir)
            count "$first" "$stop" > "$outdir/count.txt"
            echo "{\"type\":\"done\",\"range\":\"$range\"}"
            echo '{"type":"get"}' ;;
        *'"type":"no_more"'*)
            echo '{"type":"bye"}'
            exit ;;
    esac
done
