// The bucket of artifacts, once its server answers. Safe to run at every start.
import {
  CreateBucketCommand,
  HeadBucketCommand,
  S3Client,
} from '/opt/muster/node_modules/@aws-sdk/client-s3/dist-cjs/index.js';
import { setTimeout as delay } from 'node:timers/promises';

const Bucket = process.env.BUCKET;
const client = new S3Client({ endpoint: process.env.ENDPOINT, forcePathStyle: true, maxAttempts: 1 });
for (let attempt = 1; ; attempt++) {
  try {
    await client.send(new HeadBucketCommand({ Bucket })).catch(() => client.send(new CreateBucketCommand({ Bucket })));
    break;
  } catch (error) {
    if (attempt === 60) throw error;
    await delay(1_000);
  }
}
