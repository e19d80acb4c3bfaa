// Shows it as soon as a number is changed.
const input = document.getElementById("numbers");
input.addEventListener("input", async () => {
  document.getElementById("sum").value = await ask(input.value.split(" ").filter(Boolean));
});
