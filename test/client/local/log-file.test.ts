import { appendFileSync, closeSync, mkdtempSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { boundLog, lastLines, openLog, readLog } from '../../../client/local/log-file.ts';
import { LogFollower } from '../../../client/local/log-follower.ts';

let directory: string;
let log: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'muster-log-'));
  log = join(directory, 'worker.log');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('a full log is set aside when it is opened, and the one before is dropped', () => {
  for (const text of ['first', 'second', 'third']) {
    const file = openLog(log, 4);
    writeSync(file, text);
    closeSync(file);
  }
  expect(readFileSync(log, 'utf8')).toBe('third');
  expect(readFileSync(`${log}.1`, 'utf8')).toBe('second');
});

test('a full log is emptied under its writer, who goes on at the new end', () => {
  const file = openLog(log, 4);
  writeSync(file, 'long enough');
  boundLog(log, 4);
  writeSync(file, 'new');
  closeSync(file);
  expect(readFileSync(log, 'utf8')).toBe('new');
  expect(readFileSync(`${log}.1`, 'utf8')).toBe('long enough');
  boundLog(join(directory, 'none.log'));
});

test('its end is read from a byte on, at most 64 KiB, also after it was emptied', () => {
  appendFileSync(log, 'before\nafter\n');
  expect(readLog(log, 7)).toBe('after\n');
  expect(readLog(log, 1_000)).toBe('before\nafter\n');
  appendFileSync(log, 'x'.repeat(100_000));
  expect(readLog(log)).toHaveLength(65_536);
  expect(readLog(join(directory, 'none.log'))).toBe('');
});

test('its last lines are what an error quotes', () => {
  expect(lastLines('1\n\n2\n3\n', 2)).toBe('  2\n  3');
  expect(lastLines('\n')).toContain('empty');
});

test('a follower gives whole lines as they come, each once, with the name of their log', () => {
  appendFileSync(log, 'old\n');
  const follower = new LogFollower(directory);
  expect(follower.read()).toBe('');
  appendFileSync(log, 'one\ntw');
  expect(follower.read()).toBe('worker | one\n');
  appendFileSync(log, 'o\n');
  appendFileSync(join(directory, 'server.log'), 'up\n');
  expect(follower.read().split('\n').toSorted()).toEqual(['', 'server | up', 'worker | two']);
  rmSync(log);
  appendFileSync(log, 'again\n');
  expect(follower.read()).toBe('worker | again\n');
  expect(statSync(log).size).toBe(6);
});
