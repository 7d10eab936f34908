//! GetConsoleOutput.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Call, instances};
use crate::simulator::door::ssh::{booted, configured};
use crate::simulator::network::private_name;
use crate::simulator::protocol::{Fault, Xml};
use crate::simulator::sshd::host_public_key;

/// What a boot writes on the console so far; nothing before the instance runs.
pub(super) fn output(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let id = call.args.need("InstanceId")?;
    let instance = instances::find(call, id)?;
    let name = private_name(&instance.region, instance.private_ip);
    let host = name.split('.').next().unwrap_or_default();
    let mut text = String::new();
    if let Some(since) = instance.running_since {
        text.push_str("[    0.000000] Linux version 6.8.0 (simulated)\n");
        if booted(call.world, since) <= call.now {
            text.push_str(&format!("[    1.000000] systemd[1]: Hostname set to <{host}>.\n{host} login: \n"));
        }
        let done = configured(call.world, since);
        if done <= call.now {
            // As on EC2, where this is how a client can know the host key before it first connects.
            let key = host_public_key(call.world.seed(), id);
            text.push_str(&format!(
                "-----BEGIN SSH HOST KEY KEYS-----\n{key} root@{host}\n-----END SSH HOST KEY KEYS-----\n"
            ));
            text.push_str(&format!(
                "Cloud-init finished at {}. Datasource DataSourceEc2Local.\n",
                done.strftime("%a, %d %b %Y %H:%M:%S +0000")
            ));
        }
    }
    let mut xml = Xml::new();
    xml.text("instanceId", id);
    xml.time("timestamp", instance.running_since.unwrap_or(instance.changed));
    xml.text("output", &STANDARD.encode(text));
    Ok(xml)
}
