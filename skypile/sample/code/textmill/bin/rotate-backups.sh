#!/usr/bin/env bash
# Keep backups the way grandfathers did: seven daily, four weekly and twelve monthly ones.
#
#   rotate-backups.sh DIRECTORY [--delete]
#
# Looks at files named NAME-YYYY-MM-DD.tar.zst. Without --delete it only says what would go.

set -euo pipefail
shopt -s nullglob

readonly DAILY=7 WEEKLY=4 MONTHLY=12

die() {
    printf 'rotate-backups: %s\n' "$*" >&2
    exit 2
}

[[ $# -ge 1 && $# -le 2 ]] || die "usage: rotate-backups.sh DIRECTORY [--delete]"
directory=$1
delete=no
if [[ ${2-} == --delete ]]; then
    delete=yes
elif [[ -n ${2-} ]]; then
    die "unknown option $2"
fi
[[ -d $directory ]] || die "$directory is not a directory"

# 从新到旧排序，日期在文件名里，所以按名字排就够了
mapfile -t dates < <(
    for file in "$directory"/*-[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9].tar.zst; do
        name=${file##*/}
        name=${name%.tar.zst}
        printf '%s\n' "${name: -10}"
    done | sort -ru
)
[[ ${#dates[@]} -gt 0 ]] || die "no backups in $directory"

declare -A keep=() weeks=() months=()
for index in "${!dates[@]}"; do
    day=${dates[index]}
    if ((index < DAILY)); then
        keep[$day]=daily
        continue
    fi
    # The newest backup of a week or month stands for all of it.
    week=$(date -d "$day" +%G-%V)
    month=${day:0:7}
    if [[ -z ${weeks[$week]-} && ${#weeks[@]} -lt $WEEKLY ]]; then
        weeks[$week]=$day
        keep[$day]=weekly
    fi
    if [[ -z ${months[$month]-} && ${#months[@]} -lt $MONTHLY ]]; then
        months[$month]=$day
        keep[$day]=${keep[$day]-monthly}
    fi
done

freed=0
for day in "${dates[@]}"; do
    for file in "$directory"/*-"$day".tar.zst; do
        if [[ -n ${keep[$day]-} ]]; then
            printf 'keep    %-8s %s\n' "${keep[$day]}" "${file##*/}"
            continue
        fi
        size=$(stat -c %s -- "$file")
        freed=$((freed + size))
        printf 'remove  %-8s %s\n' "-" "${file##*/}"
        if [[ $delete == yes ]]; then
            rm -- "$file"
        fi
    done
done
printf '%d MiB %s\n' $((freed / 1048576)) "$([[ $delete == yes ]] && echo freed || echo 'could be freed')"
