/**
 * The floor: what sshd and ifupdown need, however they are called. One ssh2 connection and one exec a host, no host keys, no proof.
 *
 * `node bench/floor.mjs JOBS KEY FORKS`: JOBS is a JSON file, `[{ "host", "port", "command", "input" }]`; KEY the private key's file. Ends
 * with 1 when a command failed.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import pLimit from 'p-limit';
import ssh2 from 'ssh2';

const [jobsFile, keyFile, forks] = process.argv.slice(2);
const jobs = JSON.parse(readFileSync(jobsFile, 'utf8'));
const key = readFileSync(keyFile);
const limit = pLimit(Number(forks));

const ends = await Promise.allSettled(jobs.map((job) => limit(() => run(job))));
for (const [index, { reason }] of ends.entries()) {
  if (reason === undefined) continue;
  process.stderr.write(`${jobs[index].host}: ${reason.message}\n`);
  process.exitCode = 1;
}

function run({ host, port, command, input }) {
  // Without noDelay each exchange waits for a delayed ACK; without the method's name ssh2 tries `none` first, which OpenSSH delays.
  const sock = connect({ host, port, noDelay: true });
  const client = new ssh2.Client();
  return new Promise((resolve, reject) => {
    client.once('error', reject);
    sock.once('error', reject);
    client.once('ready', () => {
      client.exec(command, (error, channel) => {
        if (error) return reject(error);
        let said = '';
        channel.stderr.on('data', (chunk) => (said += chunk));
        channel.resume();
        channel.once('close', (code) => {
          client.end();
          if (code === 0) resolve();
          else reject(new Error(`ended with ${code}: ${said.trim()}`));
        });
        channel.end(input);
      });
    });
    client.connect({ sock, username: 'root', authHandler: [{ type: 'publickey', username: 'root', key }] });
  });
}
