import { expect, test } from 'vitest';
import { openStore, shownStoreUrl, storeUrlProblem } from '../../../activities/artifacts/open-store.ts';
import { parseS3Url } from '../../../activities/artifacts/s3-url.ts';

test.each([
  ['s3://bucket/prefix', { bucket: 'bucket', prefix: 'prefix/' }],
  ['s3://bucket', { bucket: 'bucket', prefix: '' }],
  ['s3://bucket/', { bucket: 'bucket', prefix: '' }],
  ['s3://my.bucket-1/teams/a_b.c/', { bucket: 'my.bucket-1', prefix: 'teams/a_b.c/' }],
  [
    's3://bucket/p?endpoint=http://10.0.0.1:9000&region=eu-central-1&path-style=false',
    { endpoint: 'http://10.0.0.1:9000', region: 'eu-central-1', isPathStyle: false },
  ],
  ['s3://bucket/p?endpoint=https%3A%2F%2Fs3.example.com', { endpoint: 'https://s3.example.com' }],
  ['s3://bucket/p?path-style=true', { isPathStyle: true }],
])('%s says where the store lies', (url, expected) => {
  expect(parseS3Url(url)).toMatchObject(expected);
  expect(storeUrlProblem(url)).toBeUndefined();
});

test.each([
  ['', 'write file:///absolute/directory or s3://bucket/prefix'],
  ['relative/directory', 'write file:///absolute/directory or s3://bucket/prefix'],
  ['https://bucket.s3.amazonaws.com/prefix', 'write file:///absolute/directory or s3://bucket/prefix'],
  ['file://host/directory', 'write file:///absolute/directory or s3://bucket/prefix'],
  ['s3:///prefix', 'a bucket has 3 to 63'],
  ['s3://My_Bucket/prefix', 'a bucket has 3 to 63'],
  ['s3://bucket/a//b', 'a prefix has'],
  ['s3://bucket/a%20b', 'a prefix has'],
  ['s3://bucket:9000/p', '?endpoint=https://host:port'],
  ['s3://key:secret@bucket/p', 'without credentials'],
  ['s3://bucket/p?endpoint=10.0.0.1:9000', 'write endpoint=https://host:port'],
  ['s3://bucket/p?endpoint=http://key:secret@host', 'write endpoint=https://host:port'],
  ['s3://bucket/p?region=Europe!', 'write region='],
  ['s3://bucket/p?path-style=yes', 'write path-style=true'],
  ['s3://bucket/p?pathStyle=true', 'not "pathStyle"'],
  ['s3://bucket/p?region=a&region=b', 'write region once'],
])('%s is refused with what to write', async (url, hint) => {
  expect(storeUrlProblem(url)).toContain(hint);
  if (url.startsWith('s3:')) await expect(openStore(url)).rejects.toThrow(hint);
});

test('a URL is shown without what may be a credential', () => {
  expect(shownStoreUrl('s3://key:secret@bucket/p?endpoint=http://a:b@host')).toBe(
    's3://…@bucket/p?endpoint=http://…@host',
  );
  expect(shownStoreUrl('s3://bucket/p?endpoint=http://host:1')).toBe('s3://bucket/p?endpoint=http://host:1');
});
