# The guard: what runs on a host while a line to it is open. Plain POSIX sh, be it dash, bash or busybox.
#
# It is sent over the line itself, without its comments; N is the nonce of its hello. Then orders come, one a line: calls
# of the functions below, every word quoted. Two shells share the work: `listen` reads the orders and is never away for
# long, `execute` runs the commands, in its foreground, where SIGINT is not ignored and the exit code is at hand.
# Between orders nothing is forked but the command.
#
# An attempt is a file in $S, its claim, to which lines are only added:
#   claim BOOT, pid PID, then the first of: exit CODE, signal NUMBER, start REASON (it could not), killed (by us), void
# An exit or a signal is followed by `-` where no outputs were written.
# Only one can create it (O_EXCL): an attempt starts at most once, and once void, never. Who ends one adds `killed` and
# then looks for `pid`; who starts one adds `pid` and then looks for `killed`: so one of them sees the other.

exec 3>&1 5>&2 2>/dev/null
unset BASH_ENV ENV CDPATH
# As sh, bash does not say what was ended by a signal.
[ -z "${BASH_VERSION-}" ] || set +o posix
IFS=' 	
'
nl='
'
# What the kernel says of a process, in $value, without another process: PID FIELD.
status() {
  while read -r word value rest; do
    [ "$word" != "$2" ] || return 0
  done <"/proc/$1/status"
  return 1
}
if status self Umask:; then mask=$value; else mask=$(umask); fi
umask 077
# Only in this locale does every shell hand on every byte.
had=${LC_ALL+set} locale=${LC_ALL-}
LC_ALL=C
ostler_setsid=setsid
command -v setsid >/dev/null || ostler_setsid=
read -r boot </proc/sys/kernel/random/boot_id || boot=-
read -r up rest </proc/uptime || up=-
now=

# Claims are in the home if it can be written to, else where nobody else can have put them.
S=${XDG_STATE_HOME:-${HOME:-/nonexistent}/.local/state}/ostler
[ -d "$S" ] || mkdir -p "$S"
[ -w "$S" ] || {
  S=/var/tmp/ostler-$(id -u)
  mkdir "$S"
  [ -d "$S" ] && [ ! -h "$S" ] && [ -O "$S" ] || S=/nonexistent
}

# Our own process id, in $pid: $$ is that of the first shell.
self() {
  if status self Pid:; then pid=$value; else pid=$(exec sh -c 'echo $PPID'); fi
}

nap() {
  sleep 0.1 || sleep 1
}

# Says on both streams where the answer to an order begins, and how it ended.
begin() {
  echo "$1" >&3
  echo "$1" >&5
}
over() {
  echo "$1" >&5
  echo "$1 $2" >&3
}

# Reads a claim: $claimed, $pid, $end. A line that was cut short does not count.
look() {
  claimed= pid= end=
  [ -e "$S/$1" ] || return 1
  while read -r word rest; do
    case $word in
      claim) claimed=$rest ;;
      void) end=${end:-void} ;;
      pid) pid=$rest ;;
      exit | signal | start) end=${end:-$word $rest} ;;
      killed) end=${end:-killed} ;;
    esac
  done <"$S/$1"
}

# Claims an attempt, or says in $why not. Only what we have created ourselves is ours to remove.
claim() {
  why=
  set -C
  if ! true >"$S/$1"; then
    if [ -e "$S/$1" ]; then why=taken
    elif [ -w "$S" ]; then why=full
    else why="start records"
    fi
  fi
  set +C
  [ -z "$why" ] || return 1
  echo "$2 $boot" >>"$S/$1" && return
  rm -f "$S/$1"
  why=full
  return 1
}

# What of an attempt is alive, in $left: its group, and whatever carries its mark, wherever that went. A group's number
# may be a stranger's by now, unless we have started it ourselves.
alive() {
  left=
  if [ "$pid" ] && { [ "$1" = "$now" ] || [ ! -r /proc/self/environ ] || grep -qsF "OSTLER_GUARD=$1:" "/proc/$pid/environ"; }; then
    ! kill -0 "-$pid" || left="-$pid"
    # Before it has a group there is only its process; after its end the number may be another's.
    [ "$end" != killed ] && [ "$end" ] || ! kill -0 "$pid" || left="$left $pid"
  fi
  for found in $(grep -lsF "OSTLER_GUARD=$1:" /proc/[0-9]*/environ); do
    found=${found#/proc/}
    left="$left ${found%/environ}"
  done
  [ "$left" ]
}

# Ends what of an attempt is alive: asks, waits for so many tenths of a second, kills.
finish() {
  alive "$1" || return 0
  kill -TERM $left
  tenth=0
  while [ "$tenth" -lt "$2" ]; do
    nap
    alive "$1" || return 0
    tenth=$((tenth + 1))
  done
  tenth=0
  while alive "$1" && [ "$tenth" -lt 15 ]; do
    kill -KILL $left
    nap
    tenth=$((tenth + 1))
  done
}

# Ends an attempt, unless it has ended: ID TENTHS.
stop() {
  # One that is forgotten has ended.
  look "$1" || return
  case $end in
    '') echo killed >>"$S/$1" ;;
    killed) ;;
    *) return ;;
  esac
  look "$1"
  # One that is just being started has no number yet.
  tenth=0
  while [ -z "$pid" ] && [ "$tenth" -lt 3 ]; do
    nap
    look "$1"
    tenth=$((tenth + 1))
  done
  finish "$1" "$2"
}

# Takes exactly so many bytes off the line. What brought us here knows already whether this dd can do it at once.
if [ "${F-}" ] || dd iflag=fullblock count=0 </dev/null; then
  take() {
    [ "$1" -lt 65536 ] || dd iflag=fullblock bs=65536 count=$(($1 / 65536)) 2>/dev/null || return
    [ $(($1 % 65536)) = 0 ] || dd iflag=fullblock bs=$(($1 % 65536)) count=1 2>/dev/null
  }
else
  take() {
    dd bs=1 count="$1" 2>/dev/null
  }
fi

# Everything from here on is an order.

# NONCE ID TENTHS BYTES CWD NAME=VALUE… -- WORD…: runs a command on this line, and ends it with the line.
run() {
  accept "$@" || return
  now=$2
  echo "$2" >"$line"
  kill -USR1 "$watch"
  printf '%s\n' "$order" || broken=1
}

# The same, but its output goes to files, and it outlives the line.
keep() {
  accept "$@" || return
  begin "$1"
  over "$1" kept
  printf '%s\n' "$order" || broken=1
}

accept() {
  if claim "$2" claim; then
    [ "$4" = 0 ] || take "$4" >"$S/$2.in" || why=full
    [ "$why" ] || return 0
    echo void >>"$S/$2"
  fi
  begin "$1"
  over "$1" "$why"
  # What was to be its input is still on the line, which is of no more use.
  [ "$4" = 0 ] || broken=1
  return 1
}

# ID: asks an attempt to end, ends it.
term() {
  look "$1"
  [ "$end" ] || echo killed >>"$S/$1"
  look "$1"
  ! alive "$1" || kill -TERM $left
}
strike() {
  stop "$1" 0
}

# NONCE ID TENTHS: what became of an attempt; whatever it does, it is ended.
state() {
  begin "$1"
  claim "$2" void || stop "$2" "$3"
  judge "$2"
  over "$1" "$end"
}

# NONCE ID OUT ERR: what a kept attempt has written beyond so many bytes of its streams, and what it does.
follow() {
  begin "$1"
  judge "$2"
  said=$end
  # Also what it has left behind is still being ended.
  ! alive "$2" || said=running
  tail -c "+$(($3 + 1))" "$S/$2.out" | head -c 4194304 >&3
  tail -c "+$(($4 + 1))" "$S/$2.err" | head -c 4194304 >&5
  over "$1" "$said"
}

# What is to be said of an attempt, in $end. One that nobody has claimed is void from now on.
judge() {
  tenth=0
  look "$1" || claim "$1" void
  while :; do
    look "$1"
    if [ "$end" = void ]; then end=never
    elif [ "$end" ]; then :
    elif [ "$claimed" ] && [ "$claimed" != "$boot" ]; then end=rebooted
    elif alive "$1"; then end=running
    elif [ "$tenth" = 20 ]; then end=gone
    else
      nap
      tenth=$((tenth + 1))
      continue
    fi
    return
  done
}

# NONCE BYTES SCRIPT WORD…: a question. It reads nothing, or with `take` exactly the bytes that follow the order.
ask() {
  begin "$1"
  if [ "$2" = 0 ]; then answer "$@" </dev/null; else answer "$@"; fi
  over "$1" "exit $?"
}
answer() (
  exec >&3 2>&5 3>&- 5>&-
  bytes=$2 script=$3
  shift 3
  eval "$script"
)

# ID…: their records are not needed any more, nor what lies beside them.
forget() {
  printf '%s\n' "$order" || broken=1
}

# The other end is alive.
beat() {
  kill -USR1 "$watch"
}

listen() {
  self
  line=$S/.line.$$ broken=
  # What we say when nobody hears it any more is no reason to die.
  trap '' PIPE USR1
  watchdog "$pid" </dev/null >/dev/null 3>&- 5>&- &
  watch=$!
  while [ -z "$broken" ] && IFS= read -r order; do
    eval "$order"
  done
  [ -z "$now" ] || stop "$now" 20
  kill "$watch"
}

# Where the link freezes nothing closes: without a beat for half a minute, or without its listener, a command is ended.
# Who has time for that has time to remove what was forgotten here long ago.
watchdog() {
  missed=0 old=
  trap 'missed=0' USR1
  while kill -0 "$1" && [ "$missed" -lt 10 ]; do
    sleep 3
    missed=$((missed + 1))
    [ "$old" ] || old=$(find "$S" -type f -mtime +30 -exec rm -f {} +)-
    if [ "$missed" = 10 ] && { ! read -r now <"$line" || { look "$now" && [ "$end" ]; }; }; then missed=0; fi
  done
  ! read -r now <"$line" || stop "$now" 20
  kill -KILL "$1"
}

execute() {
  how=$S/.how.$$ gone= above=
  run() {
    id=$2
    now=$2
    begin "$1"
    launch "$@"
    leaks "$1" "$3"
    over "$1" "$end"
  }
  keep() {
    id=$2
    now=$2
    launch "$@" >"$S/$id.out" 5>"$S/$id.err"
    leaks - "$3" 3>/dev/null
  }
  # All at once when the line ends, for it costs a process.
  forget() {
    for id; do
      gone="$gone $id $id.*"
    done
  }
  while IFS= read -r order; do
    eval "$order"
  done
  cd "$S" && rm -f ".how.$$" ".line.$$" $gone
}

# Runs it, and writes down how it ended before that is announced.
launch() {
  in=/dev/null
  [ "$4" = 0 ] || in=$S/$2.in
  cwd=$5
  shift 5
  read -r rest rest rest rest before </proc/loadavg || before=
  separately "$@" 2>"$how"
  code=$?
  end="exit $code"
  # A shell says of what a signal ended that it did, and of what exited so nothing.
  if [ "$code" -gt 128 ] && [ -s "$how" ]; then end="signal $((code - 128))"; fi
  [ -e "$S/$id.values" ] || [ -h "$S/$id.values" ] || end="$end -"
  echo "$end" >>"$S/$id"
  if [ "$code" = 127 ]; then
    look "$id"
    case $end in killed) end="exit 127" ;; esac
  fi
  [ "$in" = /dev/null ] || rm -f "$in"
}

# A function, for dash forgets the inner redirections of `{ (…) <a; } 2>b`.
separately() {
  (enter "$@") <"$in" 2>/dev/null 3>&-
}

# In the process that will be the command.
enter() {
  self
  echo "pid $pid" >>"$S/$id"
  look "$id"
  [ -z "$end" ] || exit 143
  ostler_claim=$S/$id
  [ -z "$cwd" ] || cd -- "$cwd" || fail folder
  export OSTLER_GUARD="$id:" OSTLER_OUTPUT="$S/$id.values" PWD
  umask "$mask"
  if [ "$had" ]; then LC_ALL=$locale; else unset LC_ALL; fi
  while [ "$1" != -- ]; do
    export "$1"
    shift
  done
  shift
  command -v -- "$1" >/dev/null || fail program
  exec ${ostler_setsid:+"$ostler_setsid"} "$@" 2>&5 5>&-
}
fail() {
  echo "start $1" >>"$ostler_claim"
  exit 127
}

# Ends what the command has left behind, and names it. Usually the numbers of new processes say that there is nothing,
# or on a busy host that what is new is none of ours.
leaks() {
  if [ "$before" ] && read -r rest rest rest rest after </proc/loadavg && [ "$after" -ge "$before" ] &&
    [ $((after - before)) -le 299 ]; then
    new=
    while [ "$before" -lt "$after" ]; do
      before=$((before + 1))
      [ -r "/proc/$before/environ" ] && adopted "$before" && new="$new /proc/$before/environ"
    done
    [ "$new" ] && grep -qsF "OSTLER_GUARD=$id:" $new || return
  fi
  said=$end
  look "$id"
  alive "$id" || { end=$said; return; }
  nap
  nap
  if alive "$id"; then
    name "$1" leak
    finish "$id" "$2"
    ! alive "$id" || name "$1" survivor
  fi
  end=$said
}
# Whether a process has lost its parent to one of ours, as what was left behind has, or what started that.
adopted() {
  above=${above:-$(ancestors)}
  status "$1" PPid: || return
  case $above in *" $value "* | *'?') ;; *) return 1 ;; esac
}
ancestors() {
  printf ' 0 '
  value=$$
  while [ "$value" != 0 ]; do
    printf '%s ' "$value"
    status "$value" PPid: || { echo '?'; return; }
  done
}
name() {
  for found in $(grep -lsF "OSTLER_GUARD=$id:" /proc/[0-9]*/environ); do
    found=${found#/proc/}
    found=${found%/environ}
    echo "$1 $2 $found $(tr '\000\n' '  ' <"/proc/$found/cmdline" | head -c 200)" >&3
  done
}

printf '\n%s\n' "$N hello $boot $up $S" >&3
listen | execute
