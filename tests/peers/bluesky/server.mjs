// Directory and data server in one process, on loopback; then one account with an app password.
// What the tests need is written to peer.json once both answer.
import { randomBytes } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import net from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const { MODULES, PEER_DATA, PORT, DIRECTORY_PORT } = process.env
const resolve = createRequire(join(MODULES, 'package.json')).resolve
const load = async (name) => {
  const module = await import(pathToFileURL(resolve(name)).href)
  return { ...module.default, ...module }
}
const random = () => randomBytes(32).toString('hex')

// Both servers listen on every interface and offer no setting for it.
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (port, ...rest) {
  const on = { host: '127.0.0.1', port: Number(port) }
  return Number.isNaN(on.port) ? listen.call(this, port, ...rest) : listen.call(this, on, ...rest.filter((r) => typeof r === 'function'))
}

const { PlcServer, Database } = await load('@did-plc/server')
const directory = PlcServer.create({ db: Database.mock(), port: Number(DIRECTORY_PORT) })
await directory.start()

const at = (name) => {
  mkdirSync(join(PEER_DATA, name), { recursive: true })
  return join(PEER_DATA, name)
}
Object.assign(process.env, {
  LOG_ENABLED: 'false',
  PDS_DEV_MODE: 'true',
  PDS_HOSTNAME: 'localhost',
  PDS_PORT: PORT,
  PDS_DATA_DIRECTORY: at('accounts'),
  PDS_BLOBSTORE_DISK_LOCATION: at('blobs'),
  PDS_DID_PLC_URL: `http://127.0.0.1:${DIRECTORY_PORT}`,
  PDS_SERVICE_HANDLE_DOMAINS: '.test',
  PDS_INVITE_REQUIRED: 'false',
  PDS_RATE_LIMITS_ENABLED: 'false',
  // An address where nothing listens: the tests stay on this machine.
  PDS_BSKY_APP_VIEW_URL: 'http://127.0.0.1:9',
  PDS_BSKY_APP_VIEW_DID: 'did:web:nowhere.invalid',
  PDS_ADMIN_PASSWORD: random(),
  PDS_DPOP_SECRET: random(),
  PDS_JWT_SECRET: random(),
  PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: random(),
})
const { PDS, envToCfg, envToSecrets, readEnv } = await load('@atproto/pds')
const environment = readEnv()
const server = await PDS.create(envToCfg(environment), envToSecrets(environment))
await server.start()

const url = `http://127.0.0.1:${PORT}`
const call = async (method, content, token) => {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
  const answer = await fetch(`${url}/xrpc/${method}`, { method: 'POST', headers, body: JSON.stringify(content) })
  if (!answer.ok) throw new Error(`${method}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}
const account = { handle: 'holdline-bank.test', email: 'bank@example.test', password: random() }
const { did, accessJwt } = await call('com.atproto.server.createAccount', account)
const { password } = await call('com.atproto.server.createAppPassword', { name: 'holdline' }, accessJwt)

const found = { url, account: account.handle, did, app_password: password }
writeFileSync(join(PEER_DATA, 'peer.json.new'), JSON.stringify(found) + '\n', { mode: 0o600 })
renameSync(join(PEER_DATA, 'peer.json.new'), join(PEER_DATA, 'peer.json'))

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, async () => {
    await Promise.allSettled([server.destroy(), directory.destroy()])
    process.exit(0)
  })
}
