// oidc-provider with two clients, of which one sends its secret in the header and the other one in the body, its own pages
// for logging in, and beside it a desk that plays the person at the browser: GET /?url=ADDRESS signs in, agrees, and answers
// with the address that the browser is sent to.
import { renameSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const { MODULES, PEER_DATA, PORT, DESK_PORT, SECRET } = process.env
const require = createRequire(`${MODULES}/package.json`)
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')).href)

const url = `http://127.0.0.1:${PORT}`
const redirect = 'http://localhost:8740/console/settings/channels/connected'
const app = (id, way) => ({
  client_id: id,
  client_secret: SECRET,
  token_endpoint_auth_method: way,
  redirect_uris: [redirect],
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token'],
})
const provider = new Provider(url, {
  clients: [app('holdline', 'client_secret_basic'), app('holdline-body', 'client_secret_post')],
  cookies: { keys: [SECRET] },
  // LinkedIn's way has none.
  pkce: { required: (_, client) => client.clientId === 'holdline' },
  scopes: ['tweet.read', 'tweet.write', 'users.read', 'media.write', 'offline.access',
    'w_organization_social', 'r_organization_social', 'rw_organization_admin',
    'read:accounts', 'read:statuses', 'write:statuses', 'write:media', 'write:accounts'],
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  features: { devInteractions: { enabled: true }, revocation: { enabled: true }, introspection: { enabled: true } },
  ttl: { AccessToken: 7200, Grant: 86400, Session: 3600, Interaction: 600, RefreshToken: 86400, IdToken: 3600 },
  findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
})

async function browse(start) {
  const jar = new Map()
  let at = start
  let form = null
  for (let step = 0; step < 20; step += 1) {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(at, {
      method: form ? 'POST' : 'GET', body: form, redirect: 'manual', headers: { cookie },
    })
    for (const line of answer.headers.getSetCookie()) {
      const [name, value] = line.split(';')[0].split(/=(.*)/s)
      if (value) jar.set(name, value); else jar.delete(name)
    }
    form = null
    if (answer.status >= 300 && answer.status < 400) {
      at = new URL(answer.headers.get('location'), at).href
      if (at.startsWith(redirect)) return at
      continue
    }
    const page = await answer.text()
    const prompt = page.match(/name="prompt" value="(\w+)"/)?.[1]
    if (!prompt) throw new Error(`status ${answer.status}: ${page.replace(/<[^>]*>/g, ' ').slice(0, 300)}`)
    at = new URL(page.match(/action="([^"]+)"/)[1], at).href
    form = new URLSearchParams({ prompt, ...(prompt === 'login' ? { login: 'bank', password: 'any' } : {}) })
  }
  throw new Error('too many steps')
}

const desk = http.createServer(async (asked, answer) => {
  try {
    answer.end(await browse(new URL(asked.url, url).searchParams.get('url')))
  } catch (error) {
    answer.writeHead(500).end(String(error))
  }
})
await new Promise((done) => { desk.listen(Number(DESK_PORT), '127.0.0.1', done) })
await new Promise((done) => { provider.listen(Number(PORT), '127.0.0.1', done) })
const peer = {
  url, redirect, client: 'holdline', client_body: 'holdline-body', secret: SECRET, desk: `http://127.0.0.1:${DESK_PORT}/`,
  authorize: `${url}/auth`, token: `${url}/token`, revoke: `${url}/token/revocation`,
  introspect: `${url}/token/introspection`,
}
writeFileSync(`${PEER_DATA}/peer.json.new`, JSON.stringify(peer), { mode: 0o600 })
renameSync(`${PEER_DATA}/peer.json.new`, `${PEER_DATA}/peer.json`)
