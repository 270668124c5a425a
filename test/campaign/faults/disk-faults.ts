/** Disks that are full, or cannot be written. */
import { ENDS, type End } from '../../../src/plan/plan.js';
import type { Fault } from '../fault.js';

/**
 * In front of a directory comes a small tmpfs with the same content, and then not a byte of room. What changes in it is carried over when it is taken
 * away again, as it would be on a disk of its own.
 */
const fillDirectory = (directory: string): string => String.raw`
set -e
under=/tmp/campaign-under
mkdir -p ${directory} $under
mount --bind ${directory} $under
mount -t tmpfs -o size=1m,mode=755 tmpfs ${directory}
cp -a $under/. ${directory}/
cat /dev/zero >${directory}/.campaign-ballast 2>/dev/null || true`;

const emptyDirectory = (directory: string): string => String.raw`
under=/tmp/campaign-under
mountpoint -q $under || exit 0
rm -f ${directory}/.campaign-ballast
find $under -mindepth 1 -delete
cp -a ${directory}/. $under/
umount ${directory}
umount $under`;

/** /run is a tmpfs already: it is made as small as what is in it. */
const FILL_RUN = String.raw`
mount -o remount,size=$(($(df -k --output=used /run | tail -n 1) + 4))k /run
cat /dev/zero >/run/.campaign-ballast 2>/dev/null || true`;
const EMPTY_RUN = 'rm -f /run/.campaign-ballast; mount -o remount,size=50% /run';

const LOCK_ETC = String.raw`
mount --bind /etc/network/interfaces.d /etc/network/interfaces.d
mount -o remount,bind,ro /etc/network/interfaces.d`;
const UNLOCK_ETC = 'mountpoint -q /etc/network/interfaces.d && umount /etc/network/interfaces.d';

export const diskFaults = (): Fault[] =>
  ENDS.flatMap((end) => [
    diskFault(
      `full /etc on the ${end}`,
      end,
      fillDirectory('/etc/network/interfaces.d'),
      emptyDirectory('/etc/network/interfaces.d'),
    ),
    diskFault(`full /var on the ${end}`, end, fillDirectory('/var/lib/vxfleet'), emptyDirectory('/var/lib/vxfleet')),
    diskFault(`full /run on the ${end}`, end, FILL_RUN, EMPTY_RUN),
    { ...diskFault(`read-only /etc on the ${end}`, end, LOCK_ETC, UNLOCK_ETC), stagedAt: [end] },
  ]);

const diskFault = (name: string, end: End, script: string, undo: string): Fault => ({
  name,
  // The content is copied while it stands still.
  fits: ({ phase }) => phase !== 'during',
  inject: async ({ site }) => {
    const { code, stderr } = await site.shell(end, script);
    if (code !== 0) throw new Error(`${name}: ${stderr}`);
  },
  undo: async (site) => void (await site.shell(end, undo)),
  // Between its promise and its confirm the hub cannot refuse any more: it runs the new end and writes the file when that can be done.
  ...(end === 'hub' ? { leaves: 'files' as const } : {}),
});
