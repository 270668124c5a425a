import { refuse, type Rule } from './scene.js';

/** One run at a time changes a tunnel. */
export const hasNoOpenTrial: Rule = ({ tunnel, facts }) => {
  const trial = facts.trials.get(tunnel.interface);
  if (trial === undefined) return undefined;
  const whose = `${trial.command} of ${trial.operator} (from ${trial.from}) since ${trial.since}, run ${trial.run}`;
  if (trial.holder === 'session') {
    const hint = 'One run at a time changes a tunnel. Wait for that one, then run the command again.';
    return refuse('file', `${tunnel.interface} is being changed by ${whose}`, hint);
  }
  const message = `a trial of ${tunnel.interface} is pending, its run is gone: ${whose}`;
  if (trial.holder === 'nobody') return refuse('file', message, 'The next deploy ends it.');
  const left = Math.max(trial.secondsLeft, 0);
  if (trial.state === 'confirmed') {
    const hint = 'It tries again every second: make /etc and /var writable there.';
    return refuse('file', `${message}; it is confirmed, and the host cannot write it`, hint);
  }
  return trial.state === 'doubt'
    ? refuse('file', `${message}; the host is asking the other end what it did`, TAKEOVER_HINT)
    : refuse('file', message, `The host ends it alone in ${left} s. ${TAKEOVER_HINT}`);
};

const TAKEOVER_HINT = 'deploy --takeover ends it now.';
