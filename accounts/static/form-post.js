// Sends the answer to the app at once. Without scripts there is a button.
document.getElementById("form-post").requestSubmit();
