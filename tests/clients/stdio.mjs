// The official TypeScript client over standard streams: node stdio.mjs CLIENT MODE COMMAND...; prints what it got as JSON.
const [, , folder, mode, command, ...args] = process.argv
const { Client } = await import(`${folder}/dist/index.mjs`)
const { StdioClientTransport } = await import(`${folder}/dist/stdio.mjs`)

const transport = new StdioClientTransport({ command, args, env: process.env, stderr: 'inherit' })
const client = new Client({ name: 'tester', version: '1' }, { versionNegotiation: { mode } })
await client.connect(transport)
const got = {
  tools: (await client.listTools()).tools.map(tool => tool.name),
  sum: (await client.callTool({ name: 'add', arguments: { a: 2, b: 40 } })).structuredContent,
  refused: (await client.callTool({ name: 'order', arguments: { item: 'cake' } })).isError,
  baked: (await client.callTool({ name: 'bake', arguments: { minutes: 2 } }, { onprogress: () => {} })).content[0].text,
  order: (await client.readResource({ uri: 'shop://orders/7' })).contents[0].text,
  prompt: (await client.getPrompt({ name: 'haggle', arguments: { item: 'tea' } })).messages.length,
}
await client.close()
console.log(JSON.stringify(got))
