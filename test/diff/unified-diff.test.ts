import { describe, expect, it } from 'vitest';
import { unifiedDiff } from '../../src/diff/unified-diff.js';

const labels = { oldLabel: 'tokyo:/etc/vxlan01', newLabel: 'tokyo:/etc/vxlan01 (desired)' };

describe('unifiedDiff', () => {
  it('is empty when nothing differs', () => {
    expect(unifiedDiff('a\n', 'a\n', labels)).toBe('');
    expect(unifiedDiff(null, null, labels)).toBe('');
  });

  it('shows what changes with its context', () => {
    expect(unifiedDiff('a\nb\nc\n', 'a\nB\nc\n', labels)).toBe(
      '--- tokyo:/etc/vxlan01\n+++ tokyo:/etc/vxlan01 (desired)\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n',
    );
  });

  it('calls a file that is absent /dev/null', () => {
    expect(unifiedDiff(null, 'a\n', labels)).toBe(
      '--- /dev/null\n+++ tokyo:/etc/vxlan01 (desired)\n@@ -0,0 +1,1 @@\n+a\n',
    );
    expect(unifiedDiff('a\n', null, labels)).toBe('--- tokyo:/etc/vxlan01\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n');
  });

  it('keeps a header for an empty file that appears', () => {
    expect(unifiedDiff(null, '', labels)).toBe('--- /dev/null\n+++ tokyo:/etc/vxlan01 (desired)\n');
  });

  it('says where the last line has no newline', () => {
    expect(unifiedDiff('a', 'a\n', labels)).toContain('-a\n\\ No newline at end of file\n+a\n');
  });
});
