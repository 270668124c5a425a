/**
 * Loaded into the controller before vxfleet (`node --import`): stops the real program at one exact message of the protocol.
 *
 * CAMPAIGN_POINT is a point as JSON (points.ts). When it is reached our parent is told over the IPC channel; at `before` and `after` the
 * program waits for a word of it, at `during` it goes on at once. All else is vxfleet's own code.
 */
const point = JSON.parse(process.env.CAMPAIGN_POINT);
const { HostSession } = await import(new URL('host/host-session.js', process.env.CAMPAIGN_DIST));

const { VxfleetError } = await import(new URL('errors.js', process.env.CAMPAIGN_DIST));

let seen = 0;
// The channel must not keep a program alive that has come to its end.
process.channel.unref();

const call = HostSession.prototype.call;
HostSession.prototype.call = async function callAndPause(command) {
  const end = this.host === 'hub' ? 'hub' : 'spoke';
  if (point.needs === 'lost answer' && end === 'spoke' && command.verb === 'confirm') {
    await call.call(this, command);
    throw new VxfleetError('lost', 'the answer was lost (campaign)', { host: this.host });
  }
  if (end !== point.end || command.verb !== point.verb || ++seen !== point.nth) return call.call(this, command);
  if (point.phase === 'before') await pause();
  const answer = call.call(this, command);
  if (point.phase === 'during') process.send('reached');
  if (point.phase !== 'after') return answer;
  // Whether it was answered or lost: the message has been.
  await answer.catch(() => undefined);
  await pause();
  return answer;
};

async function pause() {
  const go = new Promise((resolve) => process.once('message', resolve));
  process.send('reached');
  // A listener for messages takes the channel back into the count of what keeps us alive: right while we wait.
  await go;
  process.channel?.unref();
}
