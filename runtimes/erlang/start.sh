# Starts the Erlang runner: `sh -c TEXT erl FOLDER`. How many schedulers a machine of Erlang has, and how many processes fit
# into it, is said when it starts: so the first command is read here, and given to it as its descriptor 4.
IFS= read -r line || exit 0
workers=${line#*'"workers":'}
workers=$((${workers%%[!0-9 ]*} + 0))
# At most so many tasks there are: counts of repeats are among them, and do no harm.
tasks=0 rest=$line
while case $rest in *'"count":'*) true ;; *) false ;; esac; do
    rest=${rest#*'"count":'}
    tasks=$((tasks + ${rest%%[!0-9 ]*} + 0))
done
[ "$tasks" -lt 130000000 ] || tasks=130000000
case $line in *'"async-pool"'*) ;; *) tasks=0 ;; esac
[ "$tasks" -gt 200000 ] && room="+P $((tasks + 10000))" || room=
# The real standard output moves aside, so that nothing else can be taken for a reply.
exec 3>&1 1>&2
# What ended is said by whoever started it: no file is left where the user is.
export ERL_CRASH_DUMP=/dev/null
# $room is two words or none.
# shellcheck disable=SC2086
[ "$workers" -gt 0 ] || workers=1
exec "$0" +S "$workers:$workers" $room -noinput -boot no_dot_erlang -pa "$1" -s maitred_runner main 4<<PLAN
$line
PLAN
