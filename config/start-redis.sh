#!/bin/sh
# Starts a server with redis.conf and users.acl beside this file; options are passed on to it.
# The password of a user is the variable REDIS_<USER>_PASSWORD: without one of its own, of 12 or more
# letters, digits, - and _, nothing starts. The server only ever sees their hashes.
set -euf

here=$(dirname "$0")
acl=${REDIS_ACL_FILE:-/tmp/users.acl}
umask 077
: > "$acl"
grep '^user ' "$here/users.acl" | while IFS= read -r line; do
    name=$(echo "$line" | cut -d ' ' -f 2)
    case $line in
    *'>'*)
        variable=REDIS_$(echo "$name" | tr '[:lower:]' '[:upper:]')_PASSWORD
        eval "password=\${$variable:-}"
        case $password in
        '' | replace-this-password | *[!A-Za-z0-9_-]*) short= ;;
        *) short=${#password} ;;
        esac
        if [ "${short:-0}" -lt 12 ]; then
            echo "$variable: needs 12 or more letters, digits, - or _ of its own" >&2
            exit 1
        fi
        hash=$(printf %s "$password" | sha256sum | cut -d ' ' -f 1)
        line=$(echo "$line" | sed "s/>[^ ]*/#$hash/")
        ;;
    esac
    echo "$line" >> "$acl"
done

exec redis-server "$here/redis.conf" --aclfile "$acl" "$@"
