#!/bin/sh
# Build a frequency list from text files: one "count word" per line, most frequent first.
#
# usage: wordlist.sh [-m MIN] [-s STOPWORDS] FILE...
#
# Works with any POSIX shell and awk. Files that end in .gz are unpacked on the way.

set -eu

min=1
stop=/dev/null

usage() {
    sed -n '2,4s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

while getopts m:s:h option; do
    case $option in
        m) min=$OPTARG ;;
        s) stop=$OPTARG ;;
        *) usage ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || usage

case $min in
    '' | *[!0-9]*)
        echo "wordlist: -m expects a whole number, not '$min'" >&2
        exit 2
        ;;
esac

# One stream from all inputs; a missing file stops the run instead of thinning the list quietly.
contents() {
    for file in "$@"; do
        if [ ! -r "$file" ]; then
            echo "wordlist: cannot read $file" >&2
            return 1
        fi
        case $file in
            *.gz) gzip -dc -- "$file" ;;
            *) cat -- "$file" ;;
        esac
    done
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

contents "$@" > "$work/all"

# The C locale keeps the order the same on every machine.
LC_ALL=C
export LC_ALL

tr '[:upper:]' '[:lower:]' < "$work/all" |
    tr -cs "a-z'" '\n' |
    sed "s/^'*//; s/'*\$//" |
    awk -v min="$min" -v stop="$stop" '
        BEGIN {
            while ((getline word < stop) > 0) skip[word] = 1
        }
        length($0) > 0 && !($0 in skip) { count[$0]++ }
        END {
            for (word in count) {
                if (count[word] >= min) printf "%d %s\n", count[word], word
            }
        }
    ' |
    sort -k1,1nr -k2,2
