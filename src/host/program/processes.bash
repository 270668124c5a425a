# shellcheck shell=bash
# Part of host.bash. Which process is which.

# "PID START" of a process: the start time (proc_pid_stat(5), field 22) tells it from another that gets its number later. Empty when
# there is none, or only a dead one that nobody has collected.
process_of() { # VARIABLE PID
  local text=''
  local -a words
  read_file text "/proc/$2/stat"
  # shellcheck disable=SC2206 # words without patterns: reading them from a here-string takes a system call a byte
  words=(${text##*) })
  [[ ${words[0]-} != Z ]] || words=()
  printf -v "$1" '%s' "${words[19]:+$2 ${words[19]}}"
}

is_process() { # "PID START"
  local same=''
  [[ -n $1 ]] && process_of same "${1%% *}" && [[ $same == "$1" ]]
}

is_process_in() { # FILE
  local process=''
  read_file process "$1"
  is_process "${process%%+([[:space:]])}"
}
