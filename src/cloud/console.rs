//! What an instance has written on its console, as EC2 keeps it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Cloud, failure};
use crate::domain::failure::Failure;

impl Cloud {
    /// The end of what an instance has written on its console, at most 64 KB; empty where EC2 has nothing yet.
    ///
    /// # Errors
    /// The call's failure.
    pub async fn console_output(&self, instance: &str) -> Result<String, Failure> {
        let ask = |latest| self.ec2.get_console_output().instance_id(instance).set_latest(latest).send();
        // Types of before Nitro know no latest output, only that of a while after the boot (EC2 user guide, "Instance
        // console output").
        let answer = match ask(Some(true)).await {
            Ok(answer) => Ok(answer),
            Err(_) => ask(None).await,
        };
        let answer = answer.map_err(|error| failure::of("GetConsoleOutput", &error))?;
        let packed: String = answer.output.unwrap_or_default().split_whitespace().collect();
        Ok(String::from_utf8_lossy(&STANDARD.decode(packed).unwrap_or_default()).into_owned())
    }
}
