import { expect, it } from 'vitest';
import type { RunEvent } from '../../src/events.js';
import { noticesOnce } from '../../src/report/notices-once.js';

it('tells each notice once, and ends where a host makes them up', () => {
  const told: RunEvent[] = [];
  const emit = noticesOnce((event) => void told.push(event));
  for (const message of ['a', 'a', 'b']) emit({ event: 'notice', level: 'info', message });
  expect(told).toHaveLength(2);
  for (let count = 0; count < 5000; count++) emit({ event: 'notice', level: 'warning', message: String(count) });
  expect(told).toHaveLength(2001);
  expect(told.at(-1)).toMatchObject({ message: 'more than 2000 notices: the rest is not shown' });
  emit({ event: 'hub', step: 'connect', message: 'm' });
  expect(told).toHaveLength(2002);
});
