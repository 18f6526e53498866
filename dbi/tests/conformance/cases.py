"""The table of conformance_test.py: real programs and modes that must behave under the engine as they do natively.

A case is a shell script (text) or a command (list). It runs in a folder of its own, W, with the files of `prepare`
(a script that runs natively first). `needs` are programs without which it is skipped. `quick` cases run in every test
run, the rest with --all. `follow`: children run under the engine too. `drop` is a pattern of lines to leave out of
what is compared. `serve` names a function of servers.py that runs a server under the engine and natively, and returns
what clients saw.
"""
import dataclasses


@dataclasses.dataclass
class Case:
    name: str
    command: object = None
    prepare: str = ""
    needs: tuple = ()
    quick: bool = True
    follow: bool = True
    given: bytes = b""
    drop: str = ""
    limit_s: float = 40
    serve: str = ""


CASES = []


def case(name, command=None, **rest):
    CASES.append(Case(name, command, **rest))


TEXT = "seq 1 20000 | awk '{print $1 * 7919 % 10007, \"line\", $1, \"of text\"}' >text; "
TREE = "mkdir -p tree/a/b tree/c; for i in 1 2 3 4 5 6 7 8 9; do seq $i 2000 >tree/a/f$i; seq $i 99 >tree/a/b/g$i; " \
       "done; ln -s ../a tree/c/link; ln tree/a/f1 tree/c/hard; touch -d @1000000000 tree/a/f2; "

# Small tools, alone.
case("true", ["true"])
case("false", ["false"])
case("exit-code", ["sh", "-c", "exit 77"])
case("echo", ["echo", "a", "b  c", ""])
case("ls-lR", ["ls", "-lR", "/usr/include"])
case("ls-color", ["ls", "-la", "--color=always", "/usr/bin"], drop=r" \.\.?$")
case("cat-stdin", ["cat", "-n"], given=b"one\ntwo\n" * 2000)
case("wc", ["wc", "text"], prepare=TEXT)
case("sort", ["sort", "--parallel=2", "-S", "1M", "-k", "2,2", "-k", "1n,1", "text"], prepare=TEXT)
case("sort-numeric", "sort -n text | uniq -c | tail -n 20", prepare=TEXT)
case("cut-tr-paste", "cut -d' ' -f1,3 text | tr 0-9 a-j | paste - - - | tail", prepare=TEXT)
case("checksums", "md5sum text; sha1sum text; sha256sum text; sha512sum text; b2sum text; cksum text", prepare=TEXT)
case("factor", ["factor", "18446744073709551557", "1000000016000000063", "97", "360360"])
case("dd", "dd if=text of=out bs=1000 count=50 skip=3 2>&1 | head -n 2", prepare=TEXT)
case("copy-move-remove", "cp -a tree copy; mv copy/a copy/z; rm -r copy/c; ls -lR copy | awk '{print $1, $2, $5, $9}'",
     prepare=TREE)
case("find", "find tree -type f -size +1k -printf '%p %s %m %y\\n' | sort; find tree -name 'f?' -exec wc -c {} +",
     prepare=TREE)
case("xargs-parallel", "find tree -type f | sort | xargs -P 4 -n 3 wc -c | sort", prepare=TREE)
case("du-stat", "du -ab tree; stat -c '%n %s %h %a %Y' tree/a/f2", prepare=TREE)
case("dates", "date -u -d @1234567890 +'%F %T %j %s %a'; TZ=Europe/Berlin date -d @1234567890; cal 2>/dev/null; true",
     drop="^ |^ *[A-Z][a-z]+ 2")
case("dumps", "od -A x -t x1z text | head -n 200; xxd text | tail -n 3; od -t f8 text | head", prepare=TEXT)
case("split-join", "split -n l/7 text part.; cat part.* | cmp - text && ls part.*; csplit -s text 500 1500", prepare=TEXT)
case("shuf", ["shuf", "--random-source=text", "-n", "50", "text"], prepare=TEXT)
case("tee-fifo", "mkfifo f; (cat f | wc -c >n) & tee f <text | tail -n 1; wait; cat n", prepare=TEXT)
case("timeout", "exec 2>/dev/null; timeout 0.2 sleep 30; echo $?; timeout -s KILL 0.2 sh -c 'while :; do :; done'; echo $?")
case("test-expr-printf", "expr 6 \\* 7; [ 3 -lt 5 ] && printf '%05.2f %s %x\\n' 3.14159 text 255; env -i A=b env")
case("bc", ["bc", "-l"], given=b"scale=300\n4*a(1)\ne(1)\n2^500\n", needs=("bc",))
case("numfmt-base64", "seq 1 3000 | base64 | base64 -d | numfmt --to=iec | tail -n 5; seq 3 | base32")

# Text.
case("grep", "grep -rn 'printf' /usr/include | sort | head -n 500; grep -c 9 text; grep nothing-here text", prepare=TEXT)
case("grep-perl", ["grep", "-P", "^(\\d)\\1.*(?<=text)$", "text"], prepare=TEXT)
case("grep-back-references", "grep -E '^(.)(.).*\\2\\1$' text | head; grep -w -o -b '99[0-9]*' text | tail", prepare=TEXT)
case("sed", "sed -E 's/([0-9]+) line ([0-9]+)/\\2:\\1/; 5,10d; $!N; P; D' text | md5sum; sed -i 's/of/OF/' text", prepare=TEXT)
case("awk", ["mawk", "{s[$1 % 10] += $3} END {for (i = 0; i < 10; i++) print i, s[i], sqrt(s[i])}", "text"], prepare=TEXT,
     needs=("mawk",))
case("gawk", ["gawk", "{gsub(/1+/, \"<&>\"); a[$3]++} END {n = asorti(a, b); print n, b[1], b[n]; print length($0)}", "text"],
     prepare=TEXT, needs=("gawk",))
case("diff-patch", "sed 's/line 7/LINE 7/' text >new; diff -u text new >d; diff text new | md5sum; tail -n +3 d | wc -l; "
     "sed -i 's/^\\(---\\|+++\\) \\([a-z]*\\).*/\\1 \\2/' d; patch -s text <d && cmp text new && echo same", prepare=TEXT,
     needs=("patch",))
case("jq", "seq 1 2000 | jq -s 'map({a: ., b: (. * . % 97)}) | group_by(.b) | map({k: .[0].b, n: length}) | .[0:5]'",
     needs=("jq",))
case("comm-join", "sort text >s; sort -r text | sort >t; comm -3 s t | wc -l; join -1 3 -2 3 s t 2>/dev/null | md5sum; "
     "fold -w 30 text | fmt | nl | tail -n 3; rev text | tac | head -n 2; column -t text | tail -n 2", prepare=TEXT)

# Shells.
case("bash-script", r"""
declare -A h; for i in {1..500}; do h[$((i % 17))]+="$i,"; done; for k in "${!h[@]}"; do echo "$k ${#h[$k]}"; done | sort -n
f() { local n=$1; ((n < 2)) && { echo "$n"; return; }; echo $(( $(f $((n - 1))) + $(f $((n - 2))) )); }; f 7
while read -r a b; do [[ $a =~ ^([0-9])(.*) ]] && echo "${BASH_REMATCH[2]:-x}${BASH_REMATCH[1]} ${b^^}";
done < <(seq 1 50 | paste - -)
""", needs=("bash",))
case("bash-traps", r"""
trap 'echo term' TERM; trap 'echo exit $?' EXIT; kill -TERM $$; (trap - TERM; kill -TERM $BASHPID); echo $?
sleep 30 & kill $!; wait $! 2>/dev/null; echo $?; set -o pipefail; false | true; echo $? ${PIPESTATUS[*]}; exit 9
""")
case("bash-jobs", r'''
for i in 1 2 3 4 5 6; do (echo $((i * i)) >r$i; exit $i) & p+=" $!"; done
for j in $p; do wait $j; echo $?; done; cat r?
''')
case("bash-signals", r"exec 2>/dev/null; bash -c 'kill -SEGV $$'; echo $?; bash -c 'kill -KILL $$'; echo $?; "
     r"bash -c 'ulimit -t 1; while :; do :; done'; echo $?",
     limit_s=60)
case("dash-script", ["dash", "-c", "i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); case $i in *00) printf '%s ' $i;; esac; "
     "done; cat <<E\n$(echo in)\nE"])
case("pipe-chain", "seq 1 30000 | cat | cat | cat | cat | tac | head -n 100 | tail -n 1; yes | head -n 100000 | wc -l")
case("many-children", "for i in $(seq 1 150); do /bin/true || echo bad; done; echo done", quick=True)
case("thousand-children", "for i in $(seq 1 1000); do /bin/true || echo bad; done; echo done", quick=False, limit_s=120)
case("deep-subshells", "( ( ( ( ( ( ( ( echo deep $(echo $(echo $(echo a))) ) ) ) ) ) ) ) )")

# Compression and archives.
case("gzip", "gzip -9n <text >t.gz; gzip -dc t.gz | cmp - text; zcat t.gz | md5sum; gzip -l t.gz | tail -n 1", prepare=TEXT)
case("bzip2", "bzip2 -k text; bunzip2 -c text.bz2 | cmp - text; ls -l text.bz2 | cut -d' ' -f5", prepare=TEXT)
case("xz", "xz -k text; xz -dc text.xz | cmp - text; xz -l --robot text.xz", prepare=TEXT)
case("xz-threads", "cat text text text text >big; xz -T2 --block-size=200KiB -k big; xz -dc -T2 big.xz | cmp - big; "
     "rm big", prepare=TEXT)
case("zstd", "zstd -q -19 text; zstd -dqc text.zst | cmp - text; zstd -q --train tree/a/* -o dict --maxdict=4096 2>/dev/null; ls",
     prepare=TEXT + TREE, needs=("zstd",))
case("zstd-threads", "cat text text text text text text >big; zstd -q -T2 -B200K big; zstd -dqc big.zst | cmp - big",
     prepare=TEXT, needs=("zstd",))
case("pigz", "pigz -p 2 -nk text; pigz -dc text.gz | cmp - text", prepare=TEXT, needs=("pigz",))
case("lz4", "lz4 -q -9 text t.lz4; lz4 -dqc t.lz4 | cmp - text", prepare=TEXT, needs=("lz4",))
case("tar", "tar czf t.tgz --sort=name --mtime=@0 --owner=0 --group=0 tree; rm -r tree; tar xzf t.tgz; "
     "tar tvf t.tgz | awk '{print $1, $3, $6}'; rm t.tgz",
     prepare=TREE)
case("zip", "zip -qrX t.zip tree; unzip -l t.zip | tail -n 1 | awk '{print $1, $2}'; unzip -qo t.zip -d out; "
     "diff -r tree out/tree && echo same; rm t.zip",
     prepare=TREE, needs=("zip", "unzip"))

# Development.
C_SOURCE = r"""cat >p.c <<'E'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct n { struct n *l, *r; int k; };
static struct n *add(struct n *t, int k) { if (!t) { t = calloc(1, sizeof *t); t->k = k; return t; }
  if (k < t->k) t->l = add(t->l, k); else t->r = add(t->r, k); return t; }
static long sum(struct n *t) { return t ? t->k + sum(t->l) - sum(t->r) : 0; }
int main(int c, char **v) { struct n *t = 0; unsigned x = 1; for (int i = 0; i < 20000; i++) { x = x * 1664525 + 1013904223;
t = add(t, x >> 8); }
  printf("%ld %s %d %.17g\n", sum(t), c > 1 ? v[1] : "-", (int)strlen(v[0]) > 0, 1.0 / 3); return 3; }
E
"""
CXX_SOURCE = r"""cat >p.cc <<'E'
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>
struct base { virtual ~base() = default; virtual int f(int) const = 0; };
template <int N> struct derived : base { int f(int x) const override {
if (x % 7 == N) throw std::out_of_range("x" + std::to_string(N)); return x * N; } };
int main() {
  std::map<std::string, int> words; std::istringstream in("the quick brown fox jumps over the lazy dog the end");
  for (std::string w; in >> w;) ++words[w];
  for (auto& [w, n] : words) std::cout << w << ' ' << n << '\n';
  std::vector<base*> all{new derived<1>, new derived<2>, new derived<3>}; int caught = 0; long sum = 0;
  for (int i = 0; i < 3000; ++i) try { sum += all[i % 3]->f(i); } catch (const std::exception& e) { caught += e.what()[1]; }
  std::regex pattern("([a-z]+) ([a-z]+)"); std::smatch m; std::string s = in.str();
  std::cout << sum << ' ' << caught << ' ' << std::regex_search(s, m, pattern) << m[2] << std::endl;
}
E
"""
case("gcc", "gcc -O2 -Wall -c p.c -o p.o && gcc p.o -o p && ./p arg; echo $?; rm -f p", prepare=C_SOURCE)
case("gcc-warnings", "gcc -Wall -Wextra -O1 -fsyntax-only p.c 2>&1; echo 'int main() { return x; }' | gcc -x c - 2>&1; echo $?",
     prepare=C_SOURCE)
case("g++", "g++ -O1 -std=c++17 p.cc -o p && ./p; rm -f p", prepare=CXX_SOURCE, quick=False, limit_s=200)
case("c++-program", "./p", prepare=CXX_SOURCE + "g++ -O1 -std=c++17 p.cc -o p")
case("assembler-and-linker", "gcc -O2 -S p.c; as p.s -o p.o; ld -r p.o -o q.o; nm q.o; gcc -shared -fPIC p.c -o p.so; "
     "size p.so; objdump -d p.o | md5sum; "
     "ar rcD l.a p.o; ranlib -D l.a; strip p.o; readelf -hSW q.o; rm -f p.so", prepare=C_SOURCE)
case("cc1", "$(gcc -print-prog-name=cc1) -quiet -O2 p.c -o p.s; md5sum p.s", prepare=C_SOURCE)
case("make", r"""printf 'all: a b c\n\ttrue done\na b c: %%: %%.in\n\tcp $< $@; sleep 0.0$$((RANDOM %% 3));
echo made $@ >>log.$@\n' >Makefile
touch a.in b.in c.in; make -s -j3; sort log.a log.b log.c; make -q; echo $?; make none; echo $?""", needs=("make",))
case("git", r"""export GIT_AUTHOR_DATE='1234567890 +0000' GIT_COMMITTER_DATE='1234567890 +0000' GIT_CONFIG_NOSYSTEM=1
git -c init.defaultBranch=main init -q r; cd r; git config user.name n; git config user.email e@x; git config gc.auto 0
for i in 1 2 3 4 5; do seq $i 3000 >f; cp f g$i; git add .; git commit -qm "c$i"; done; git log --stat --oneline;
git checkout -qb side HEAD~2; echo x >>f
git commit -qam s; git merge -q -m m main 2>&1; git status --short | head; git diff HEAD~1 | md5sum; git clone -q . ../c;
git -C ../c fsck 2>&1; git gc -q; git blame f | tail -n 2; rm -rf ../c .git""",
     needs=("git",), limit_s=90)
case("m4", ["m4"], given=b"define(`f', `ifelse($1, 0, 1, `eval($1 * f(decr($1)))')')f(10)\n", needs=("m4",))
# gdb looks with ptrace at a child that it forked off to test the processor: the child runs under the engine, and gdb
# warns of what it sees there.
case("gdb", "gdb -nx -batch -ex 'break sum' -ex run -ex backtrace -ex 'print t->k' -ex 'info registers rip' -ex stepi "
     "-ex delete -ex continue ./p 2>/dev/null", prepare=C_SOURCE + "gcc -g -O1 -no-pie p.c -o p", needs=("gdb",),
     follow=False, drop=r"process|0x7f|libthread_db|debuginfod", quick=False, limit_s=90)
case("strace", ["strace", "-qq", "-e", "trace=openat,read", "-o", "/dev/stdout", "cat",
     "/etc/hostname"], needs=("strace",), follow=False, drop="0x")

# Languages.
PYTHON = "/usr/bin/python3"
case("python", [PYTHON, "-c", """
import hashlib, json, re, decimal, fractions, collections, zlib, itertools, random
random.seed(5)
d = {str(random.random()): [i, {'x': i / 7}] for i in range(3000)}
print(hashlib.sha256(json.dumps(d, sort_keys=True).encode()).hexdigest())
print(sum(map(int, re.findall(r'\\d+', json.dumps(d)[:20000]))), decimal.Decimal(2).sqrt(), fractions.Fraction(1, 3) + 1)
print(zlib.crc32(zlib.compress(json.dumps(d).encode())), 3 ** 2000 % 10 ** 40, collections.Counter('mississippi').most_common(2))
print(sorted(itertools.permutations('abcd'))[5], sum(i * i for i in range(200000)))
"""])
case("python-threads", [PYTHON, "-c", """
import threading, queue, concurrent.futures
q, out = queue.Queue(10), []
def produce(k):
    for i in range(400): q.put(i * k)
def consume():
    while (v := q.get()) is not None: out.append(v)
ps = [threading.Thread(target=produce, args=(k,)) for k in range(4)]
cs = [threading.Thread(target=consume) for _ in range(3)]
for t in ps + cs: t.start()
for t in ps: t.join()
for _ in cs: q.put(None)
for t in cs: t.join()
print(sum(out), len(out))
with concurrent.futures.ThreadPoolExecutor(8) as pool: print(sum(pool.map(lambda x: x * x, range(500))))
"""])
case("python-subprocess", [PYTHON, "-c", """
import subprocess, sys, os, signal
print(subprocess.run(['sort', '-n'], input=b'3\\n1\\n2\\n', capture_output=True).stdout)
for i in range(10): assert subprocess.call(['/bin/true']) == 0
print(subprocess.call(['sh', '-c', 'kill -9 $$']), subprocess.getoutput('echo a | tr a b'))
try: subprocess.run(['no-such-program'])
except FileNotFoundError as e: print(e.errno)
p = subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE); print(p.communicate(b'x' * 200000)[0].count(b'x'))
p = subprocess.Popen(['sleep', '60']); p.terminate(); print(p.wait())
"""])
case("python-exceptions", [PYTHON, "-c", """
import traceback
def f(n):
    if n == 0: raise ValueError('deep')
    try: f(n - 1)
    except KeyError: pass
    finally: g.append(n)
g = []
for i in range(300):
    try: f(i % 50)
    except ValueError as e: g.append(str(e))
print(len(g), g[-3:])
def r(n): return r(n + 1)
try: r(0)
except RecursionError as e: print(e)
try: {}['a']
except KeyError: traceback.print_exc()
raise SystemExit(17)
"""])
case("python-multiprocessing", [PYTHON, "-c", """
import multiprocessing as m
def f(x): return sum(i * x for i in range(2000))
if __name__ == '__main__':
    with m.Pool(3) as p: print(sum(p.map(f, range(60))))
"""])
case("python-asyncio", [PYTHON, "-c", """
import asyncio
async def serve(r, w):
    while line := await r.readline(): w.write(line.upper()); await w.drain()
    w.close()
async def main():
    s = await asyncio.start_server(serve, '127.0.0.1', 0); port = s.sockets[0].getsockname()[1]
    async def client(i):
        r, w = await asyncio.open_connection('127.0.0.1', port); got = []
        for k in range(20): w.write(f'm{i}.{k}\\n'.encode()); got.append(await r.readline())
        w.close(); return b''.join(got)
    got = await asyncio.gather(*(client(i) for i in range(10))); print(sum(map(len, got)), got[3][:12]); s.close()
    p = await asyncio.create_subprocess_exec('echo', 'sub', stdout=-1); print(await p.communicate())
asyncio.run(main())
"""])
case("python-signals", [PYTHON, "-c", """
import signal, time, os, faulthandler
n = 0
def h(*_):
    global n; n += 1
signal.signal(signal.SIGALRM, h); signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
x = 0
while n < 200: x += 1
signal.setitimer(signal.ITIMER_REAL, 0)
signal.signal(signal.SIGUSR1, lambda *_: print('usr1')); os.kill(os.getpid(), signal.SIGUSR1)
try: signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt: print('interrupt')
print(n >= 200)
"""])
case("perl", ["perl", "-e", r"""
my %h; srand(3); for my $i (1 .. 20000) { my $k = ($i * 7919) % 1009; $h{$k} .= chr(97 + $i % 26); }
my $s = join ',', map { "$_=" . length $h{$_} } sort { $a <=> $b } keys %h; print length($s), " ", ($s =~ tr/0-9//), "\n";
my $t = "the cat sat on the mat"; (my $u = $t) =~ s/(\w+)/ucfirst $1/ge; print "$u\n";
print scalar(() = $t =~ /(?<=t)h?e|at/g), "\n";
eval { die { code => 5 } }; print $@->{code}, "\n"; my $pid = fork; if (!$pid) { exit 7 } waitpid $pid, 0; print $? >> 8, "\n";
local $SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; 1 while 1 }; print $@;
print sprintf("%.10f %e", atan2(1, 1), 1e100), "\n"; exit 4;
"""])
case("sqlite", ["sqlite3", ":memory:"], given=b"""create table t(a integer primary key, b text, c real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) insert into t select i, hex(i * 7919),
i / 3.0 from n;
create index x on t(b); select count(*), sum(a), avg(c), max(b) from t;
select substr(b, 1, 1) k, count(*) from t group by k order by 2 desc limit 5;
select a from t where b between '35' and '36' order by c desc limit 3; delete from t where a % 3 = 0; select count(*) from t;
pragma integrity_check;
select json_group_array(a) from (select a from t limit 5); select x;
""", needs=("sqlite3",))
case("sqlite-file", "sqlite3 f.db 'pragma journal_mode=wal; create table t(a); insert into t values (1),(2)'; "
     "sqlite3 f.db 'insert into t select a + 2 from t; select sum(a) from t'",
     needs=("sqlite3",))
case("openssl", "openssl dgst -sha3-256 text; openssl enc -aes-256-gcm -k x -nosalt -pbkdf2 -in text 2>&1 | md5sum; "
     "openssl enc -aes-128-cbc -K 00 -iv 00 -in text 2>/dev/null | md5sum; "
     "openssl genrsa -out k 2048 2>/dev/null; openssl dgst -sha256 -sign k -out s text; "
     "openssl rsa -in k -pubout -out p 2>/dev/null; openssl dgst -sha256 -verify p -signature s text; rm -f k s p; "
     "openssl prime 1000003; echo 05 | openssl asn1parse -inform DER 2>/dev/null; echo $?; openssl version",
     prepare=TEXT, needs=("openssl",))
case("node", ["node", "-e", """
const c = require('crypto'); let m = new Map(); for (let i = 0; i < 200000;
i++) m.set('k' + i % 1000, (m.get('k' + i % 1000) || 0) + i);
console.log([...m.values()].reduce((a, b) => a + b), c.createHash('sha256').update(JSON.stringify([...m])).digest('hex'));
function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) } console.log(fib(24));
const { Worker } = require('worker_threads');
const w = new Worker('require("worker_threads").parentPort.postMessage([1,2,3].map(x => x * x))', { eval: true });
w.on('message', v => { console.log(v);
setTimeout(() => { try { null.x } catch (e) { console.log(e.message) } process.exitCode = 6 }, 5) });
"""], needs=("node",), limit_s=120)
case("java", ["java", "-cp", ".", "P"], prepare=r"""cat >P.java <<'E'
import java.util.*; import java.util.concurrent.*; import java.util.stream.*;
public class P { interface S { double area(); } record Sq(double a) implements S { public double area() { return a * a;
} } record C(double r) implements S { public double area() { return 3 * r * r; } }
  public static void main(String[] v) throws Exception {
    Map<String, Integer> m = new TreeMap<>(); for (int i = 0; i < 200000; i++) m.merge("k" + i % 500, i % 7, Integer::sum);
    System.out.println(m.hashCode() + " " + IntStream.range(0, 100000).parallel().mapToLong(i -> (long) i * i).sum());
    ExecutorService e = Executors.newFixedThreadPool(4); List<Future<Long>> f = new ArrayList<>();
    for (int t = 0; t < 16; t++) { int k = t; f.add(e.submit(() -> { long s = 0; for (int i = 0; i < 300000; i++) s += i ^ k;
return s; })); }
    long s = 0; for (var x : f) s += x.get(); e.shutdown(); System.out.println(s);
    double a = 0; S[] all = {new Sq(2), new C(3)}; for (int i = 0; i < 1000000; i++) a += all[i & 1].area();
System.out.println(a);
    int c = 0; for (int i = 0; i < 20000; i++) try { Object o = i % 2 == 0 ? null : "x"; o.hashCode();
} catch (NullPointerException x) { c++; } System.out.println(c);
    for (int i = 0; i < 30; i++) { byte[][] b = new byte[200][]; for (int k = 0; k < 200; k++) b[k] = new byte[10000];
} System.gc(); System.exit(5); } }
E
javac P.java""", needs=("java", "javac"), quick=False, limit_s=240)
case("rustc", "printf 'fn main() { let v: Vec<u64> = (1..1000).map(|x| x * x).collect(); "
     "println!(\"{}\", v.iter().sum::<u64>()); }' >m.rs; rustc -O m.rs -o m && ./m; rm -f m",
     needs=("rustc",), quick=False, limit_s=300)
case("rust-program", ["./m"], prepare=r"""cat >m.rs <<'E'
use std::{collections::HashMap, panic, sync::{mpsc, Arc, Mutex}, thread};
fn main() { let total = Arc::new(Mutex::new(0u64)); let (tx, rx) = mpsc::channel();
  let hs: Vec<_> = (0..8u64).map(|k| { let (t, tx) = (total.clone(), tx.clone());
thread::spawn(move || { for i in 0..2000 { *t.lock().unwrap() += i * k; } tx.send(k).unwrap(); }) }).collect();
  for h in hs { h.join().unwrap(); } drop(tx); println!("{} {}", total.lock().unwrap(), rx.iter().sum::<u64>());
  let mut m = HashMap::new(); for w in "a b a c b a".split(' ') { *m.entry(w).or_insert(0) += 1;
} let mut v: Vec<_> = m.into_iter().collect(); v.sort(); println!("{:?}", v);
  panic::set_hook(Box::new(|_| {})); println!("{}", panic::catch_unwind(|| { let v: Vec<i32> = vec![]; v[1] }).is_err());
std::process::exit(11); }
E
rustc -O m.rs -o m""", needs=("rustc",), quick=False, limit_s=60)
case("go-program", ["./m"], prepare=r"""cat >m.go <<'E'
package main
import ("fmt"; "sort"; "strings"; "sync"; "time")
func main() { var w sync.WaitGroup; c := make(chan int, 10); var mu sync.Mutex; s := 0
  for k := 0; k < 100; k++ { w.Add(1); go func(k int) { defer w.Done(); for i := 0; i < 100; i++ { mu.Lock(); s += i * k;
mu.Unlock() }; c <- k }(k) }
  go func() { w.Wait(); close(c) }(); t := 0; for v := range c { t += v }; fmt.Println(s, t)
  f := strings.Fields("the quick brown fox"); sort.Strings(f); fmt.Println(f); time.Sleep(5 * time.Millisecond)
  func() { defer func() { fmt.Println(recover()) }(); var p *int; fmt.Println(*p) }() }
E
GOCACHE=$PWD/cache go build m.go""", needs=("go",), quick=False, limit_s=60)
case("tcl", ["tclsh"], given=b"set s 0; for {set i 0} {$i < 20000} {incr i} {incr s [expr {$i * 3 % 7}]}; puts $s; "
     b"puts [lsort {c a b}]; catch {error x} m; puts $m; exit 3\n",
     needs=("tclsh",), quick=False)

# Kinds of executables.
case("static", ["./p", "x"], prepare=C_SOURCE + "gcc -O2 -static p.c -o p")
case("static-pie", ["./p", "x"], prepare=C_SOURCE + "gcc -O2 -static-pie -fPIE p.c -o p")
case("not-relocatable", ["./p", "x"], prepare=C_SOURCE + "gcc -O2 -no-pie -fno-pie p.c -o p")
case("static-c++-threads", ["./t"], prepare=r"""cat >t.cc <<'E'
#include <cstdio>
#include <future>
#include <stdexcept>
int main() { long s = 0; std::future<long> f[20]; for (int i = 0; i < 20;
i++) f[i] = std::async(std::launch::async, [i] { if (i % 5 == 4) throw std::runtime_error("e"); return i * 3L; });
  int c = 0; for (auto& x : f) try { s += x.get(); } catch (const std::exception&) { c++; } std::printf("%ld %d\n", s, c); }
E
g++ -O2 -static t.cc -o t -pthread""")
case("without-libc", ["./m"], prepare=r"""cat >m.S <<'E'
.globl _start
_start: mov $1, %eax
 mov $1, %edi
 lea text(%rip), %rsi
 mov $6, %edx
 syscall
 mov $60, %eax
 mov $33, %edi
 syscall
text: .ascii "alone\n"
E
gcc -nostdlib -static m.S -o m""")
case("busybox", "B=$(command -v busybox); $B sh -c 'for i in 1 2 3; do echo $i; done | busybox sort -r'; "
     "$B seq 1 500 | $B md5sum; $B awk 'BEGIN {print 2^10}'; $B ls -l tree/a | $B wc -l",
     prepare=TREE, needs=("busybox",))
case("loader-by-hand", ["/lib64/ld-linux-x86-64.so.2", "/bin/echo", "by", "hand"])
case("preloaded", "LD_PRELOAD=$PWD/l.so /bin/echo x; LD_DEBUG=libs /bin/true 2>&1 | grep -c calling",
     prepare="cat >l.c <<'E'\n#include <stdio.h>\n"
     "__attribute__((constructor)) static void s(void) { puts(\"before\"); "
     "} __attribute__((destructor)) static void e(void) { puts(\"behind\"); }\nE\ngcc -shared -fPIC l.c -o l.so")
case("script-by-interpreter-line", ["./s", "a b",
     "c"], prepare="printf '#!/usr/bin/env -S perl -w\\nprint \"$0|@ARGV|\\\\n\"; exit 8;\\n' >s; chmod +x s")
case("groff", "printf '.TH T 1\\n.SH NAME\\nt \\\\- text\\n.B bold\\n' | groff -man -Tutf8 2>/dev/null | head -n 5",
     needs=("groff",), quick=False)
case("closed-output", "(yes; echo $? >&2) 2>err | head -n 1; cat err; (exec >&-; echo x; "
     "echo $?) 2>&1 | sed 's/line [0-9]*//'; echo a >/dev/full; echo $?")
case("big-environment", "export A=$(head -c 100000 /dev/zero | tr '\\0' x); env | wc -c >/dev/null; "
     "/usr/bin/printenv A | wc -c; bash -c 'echo ${#A}'")
case("limits", "ulimit -n 64; ls /proc/self/fd | wc -l >/dev/null; sort -u text | wc -l; ulimit -s 256; sed -n 7p text",
     prepare=TEXT)

# Servers.
case("curl", serve="curl_from_local", needs=("curl",))
case("python-http-server", serve="python_server", needs=("curl",))
case("nginx", serve="nginx", needs=("nginx", "curl"), limit_s=60)
case("redis", serve="redis", needs=("redis-server", "redis-cli"), limit_s=60)
