#!/usr/bin/env bash
# A real SLURM on this machine, without systemd or cgroups: controller, accounting database and virtual nodes on
# loopback. For tests; needs root on Debian and changes /etc/slurm and /etc/munge. Stops only what it started.
#
#   tests/slurm/cluster.sh install        Debian's packages
#   tests/slurm/cluster.sh up FOLDER      start; everything it writes goes to FOLDER
#   tests/slurm/cluster.sh down FOLDER    stop
#
# Four nodes of 4 CPUs; n4 has a GPU, made of /dev/null. Account `lab` must be named (accounting is enforced).
set -euo pipefail
NODES=4
HOST=$(hostname -s)

install_packages() {
  local needed=(slurm-wlm slurmdbd munge mariadb-server)
  dpkg -s "${needed[@]}" > /dev/null 2>&1 && return
  apt-get update > /dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${needed[@]}" > /dev/null
}

wait_for() { # wait_for SECONDS COMMAND: until the command succeeds
  for _ in $(seq $((10 * $1))); do
    if eval "$2" > /dev/null 2>&1; then return; fi
    sleep 0.1
  done
  echo "not within $1 s: $2" >&2
  return 1
}

start_munge() {
  [ -s /etc/munge/munge.key ] || /usr/sbin/mungekey -c -f
  chown munge:munge /etc/munge/munge.key
  chmod 400 /etc/munge/munge.key
  install -d -o munge -g munge -m 0755 /run/munge
  install -d -o munge -g munge -m 0711 /var/lib/munge
  install -d -o munge -g munge -m 0700 /var/log/munge
  setpriv --reuid=munge --regid=munge --clear-groups /usr/sbin/munged --force
}

start_accounting() { # without it the plugin has no sacct: no efficiency report, and what became of old jobs is forgotten
  install -d -o mysql -g mysql "$FOLDER/mysql" "$FOLDER/socket"
  mariadb-install-db --no-defaults --user=mysql --datadir="$FOLDER/mysql" --auth-root-authentication-method=normal \
    --skip-test-db > "$FOLDER/log/mariadb-install.log" 2>&1
  setsid mariadbd --no-defaults --user=mysql --datadir="$FOLDER/mysql" --socket="$FOLDER/socket/mariadb" \
    --skip-networking --pid-file="$FOLDER/socket/mariadb.pid" --innodb-buffer-pool-size=64M \
    --innodb-lock-wait-timeout=900 > "$FOLDER/log/mariadb.log" 2>&1 < /dev/null &
  wait_for 60 "mariadb-admin --no-defaults -S $FOLDER/socket/mariadb ping"
  mariadb --no-defaults -S "$FOLDER/socket/mariadb" -e "create database slurm_acct_db;
    create user 'slurm'@'localhost' identified by 'slurm'; grant all on slurm_acct_db.* to 'slurm'@'localhost';"
  cat > "$FOLDER/slurmdbd.conf" << END
DbdHost=localhost
DbdPort=16819
SlurmUser=root
AuthType=auth/munge
LogFile=$FOLDER/log/slurmdbd.log
PidFile=$FOLDER/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
END
  chmod 600 "$FOLDER/slurmdbd.conf"
  ln -sfn "$FOLDER/slurmdbd.conf" /etc/slurm/slurmdbd.conf
  MYSQL_UNIX_PORT="$FOLDER/socket/mariadb" slurmdbd
  wait_for 60 "sacctmgr -n show cluster"
  sacctmgr -i add cluster test > /dev/null
  sacctmgr -i add account lab Description=lab Organization=lab > /dev/null
  sacctmgr -i add user root Account=lab > /dev/null
}

write_configuration() { # slurm.conf must stand in /etc/slurm: the plugin deletes every SLURM_ variable inside a job
  cat > "$FOLDER/slurm.conf" << END
ClusterName=test
SlurmctldHost=$HOST(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CryptoType=crypto/munge
StateSaveLocation=$FOLDER/state
SlurmdSpoolDir=$FOLDER/spool/%n
SlurmctldPidFile=$FOLDER/slurmctld.pid
SlurmdPidFile=$FOLDER/slurmd.%n.pid
SlurmctldLogFile=$FOLDER/log/slurmctld.log
SlurmdLogFile=$FOLDER/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoragePort=16819
AccountingStorageTRES=gres/gpu
AccountingStorageEnforce=associations,limits
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
MinJobAge=3600
KillWait=2
GresTypes=gpu
SlurmdParameters=config_overrides
END
  echo "AutoDetect=off" > "$FOLDER/gres.conf"
  local gpu
  for i in $(seq $NODES); do
    gpu=""
    if [ "$i" = $NODES ]; then
      gpu="Gres=gpu:fake:1"
      echo "NodeName=n$i Name=gpu Type=fake File=/dev/null" >> "$FOLDER/gres.conf"
    fi
    echo "NodeName=n$i NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$((17000 + i)) CPUs=4 RealMemory=20000 $gpu"
  done >> "$FOLDER/slurm.conf"
  echo "PartitionName=cpu Nodes=n[1-$((NODES - 1))] Default=YES MaxTime=04:00:00 DefMemPerCPU=512 State=UP
PartitionName=gpu Nodes=n$NODES MaxTime=08:00:00 DefMemPerCPU=512 State=UP" >> "$FOLDER/slurm.conf"
  ln -sfn "$FOLDER/slurm.conf" /etc/slurm/slurm.conf
  ln -sfn "$FOLDER/gres.conf" /etc/slurm/gres.conf
}

up() {
  mkdir -p "$FOLDER"/{state,spool,log}
  write_configuration
  start_munge
  start_accounting
  slurmctld -c
  wait_for 30 "scontrol ping | grep -q UP"
  for i in $(seq $NODES); do slurmd -N "n$i"; done
  wait_for 30 "[ \$(sinfo -h -N -o %T | grep -c idle) = $NODES ]"
}

stop() { # stop PIDFILE: end the process and wait for it, by force after 10 s
  [ -s "$1" ] || return 0
  local pid
  pid=$(cat "$1")
  kill "$pid" 2> /dev/null || return 0
  wait_for 10 "! kill -0 $pid" 2> /dev/null || kill -9 "$pid"
}

down() {
  scancel --me 2> /dev/null || true
  for pidfile in "$FOLDER"/slurmd.*.pid "$FOLDER"/{slurmctld,slurmdbd}.pid "$FOLDER/socket/mariadb.pid"; do
    stop "$pidfile"
  done
  stop /run/munge/munged.pid
  rm -f /etc/slurm/slurm.conf /etc/slurm/gres.conf /etc/slurm/slurmdbd.conf
}

FOLDER=${2:+$(realpath -m "$2")}
case "$1" in
  install) install_packages ;;
  up) up ;;
  down) down ;;
esac
