// Asks the server for a sum.
async function ask(numbers) {
  const answer = await fetch("/api/add/" + numbers.join("/"));
  return (await answer.text()).trim();
}
